//! The kinds of rules and the fields each has: one table for the parser, the schema and the manual.

/// The fields of one kind of rule, besides those that every rule has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindFields {
    /// The word of `kind`.
    pub kind: &'static str,
    /// What it says, in a few words.
    pub about: &'static str,
    /// Must be there.
    pub required: &'static [&'static str],
    /// Exactly one of these must be there, if there are any.
    pub one_of: &'static [&'static str],
    /// May be there.
    pub optional: &'static [&'static str],
}

/// Every kind.
pub const KINDS: &[KindFields] = &[
    KindFields {
        kind: "limit",
        about: "no more than so much, or so many",
        required: &[],
        one_of: &["most", "count"],
        optional: &[
            "window",
            "hours",
            "bites",
            "gives_back",
            "starts",
            "then",
            "step_up",
            "needs",
            "operator_sets",
            "whose",
        ],
    },
    KindFields {
        kind: "diligence",
        about: "from so much on, know who it is",
        required: &["needs"],
        one_of: &["most", "count"],
        optional: &["window", "hours", "bites", "gives_back", "starts", "whose"],
    },
    KindFields {
        kind: "balance",
        about: "no more than so much in a wallet",
        required: &["most"],
        one_of: &[],
        optional: &["per", "then", "needs", "step_up", "whose"],
    },
    KindFields {
        kind: "authentication",
        about: "the payer must authenticate, unless an exemption of the pack holds",
        required: &["step_up"],
        one_of: &[],
        optional: &[],
    },
    KindFields {
        kind: "exemption",
        about: "when authentication may be left out",
        required: &[],
        one_of: &[],
        optional: &[
            "per_payment",
            "in_all",
            "count",
            "window",
            "choice",
            "current_counts",
            "operator_sets",
        ],
    },
    KindFields {
        kind: "forbid",
        about: "not at all: a channel, a technology, a product, a finding of screening",
        required: &[],
        one_of: &[],
        optional: &["needs", "whose"],
    },
    KindFields {
        kind: "funds",
        about: "what may not be done with value from a source of funds",
        required: &[],
        one_of: &[],
        optional: &["needs", "whose"],
    },
    KindFields {
        kind: "redemption",
        about: "whether what is left may be had back as money",
        required: &["answer"],
        one_of: &[],
        optional: &["share"],
    },
    KindFields {
        kind: "cooling_off",
        about: "not so soon after something",
        required: &["after", "wait_hours"],
        one_of: &[],
        optional: &["whose"],
    },
    KindFields {
        kind: "mandate",
        about: "a payment under a mandate needs notice",
        required: &["notice_hours"],
        one_of: &[],
        optional: &[],
    },
    KindFields {
        kind: "duty",
        about: "something to do besides: data for reports, never a verdict",
        required: &["topic"],
        one_of: &[],
        optional: &[
            "most",
            "count",
            "window",
            "bites",
            "share",
            "years",
            "days",
            "wait_hours",
            "countries",
        ],
    },
];

/// The fields of a kind.
#[must_use]
pub fn kind_fields(kind: &str) -> Option<&'static KindFields> {
    KINDS.iter().find(|fields| fields.kind == kind)
}
