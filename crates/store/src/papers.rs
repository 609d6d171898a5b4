//! Invoices and credit notes that were issued.
//!
//! * A number is given in the transaction that keeps its paper: what fails, for whatever reason and
//!   wherever the machine stops, leaves no gap, and two at once never get the same.
//! * A paper is never changed and never removed. Each form of it (JSON, XML, PDF, …) is kept as it
//!   was first written: asking again gives the same bytes.
//! * A payment stands on one invoice, what was given back of it on one credit note: of the sale, and of
//!   the platform's fee in it, which is a supply of its own. Of a payment to several each share does.
//! * What rounding a paper leaves is kept with it, until it is noted that the ledger has it: so it is
//!   posted whenever the machine stops.
//!
//! They are encrypted under a key of the tenant's own and not under a person's: sellers must keep
//! what they issued for years (Directive 2006/112/EC art. 244 to 247), which goes before erasure
//! (Regulation (EU) 2016/679 art. 17(3)(b)).

use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};

use crate::error::Error;
use crate::keys::KeyState;
use crate::page::{Page, fetch_limit};
use crate::random::Random;
use crate::seal::SubjectKey;
use crate::store::Store;

/// Whose key seals papers: nobody's, for no party has this id.
const PAPERS: u128 = 0;

/// The form that holds what is to be posted of a paper's rounding.
const TO_POST: &str = "to_post";

pub(crate) mod sql {
    macro_rules! select {
        ($rest:literal) => {
            concat!(
                "SELECT id, seller, kind, year, number, label, asked, original, issued_at, seq,
                    supply, posted
                    FROM papers ",
                $rest
            )
        };
    }
    pub const INSERT: &str = "INSERT INTO papers
            (tenant, id, seller, kind, year, number, label, asked, original, issued_at, supply,
            posted, seq)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, coalesce(max(seq), 0) + 1
            FROM papers WHERE tenant = $1";
    pub const FIND: &str = select!("WHERE tenant = $1 AND id = $2");
    pub const LIST: &str = select!(
        "WHERE tenant = $1 AND (kind = 'credit_note') = $2 AND seq < $3
            AND ($4 IS NULL OR seller = $4) ORDER BY seq DESC LIMIT $5"
    );
    pub const LAST: &str = "SELECT coalesce(max(number), 0) FROM papers
        WHERE tenant = $1 AND seller = $2 AND kind = $3 AND year = $4";
    pub const COVER: &str =
        "INSERT INTO paper_covers (tenant, thing, seller, tax_case, supply, paper)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant, thing, seller, tax_case, supply) DO NOTHING";
    pub const COVERED: &str = "SELECT paper FROM paper_covers
        WHERE tenant = $1 AND thing = $2 AND seller = $3 AND tax_case = $4 AND supply = $5";
    pub const COVERS: &str = "SELECT thing, seller, tax_case FROM paper_covers
        WHERE tenant = $1 AND paper = $2 ORDER BY thing, seller, tax_case";
    pub const KEEP: &str = "INSERT INTO paper_forms (tenant, paper, form, hash, body)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, paper, form) DO NOTHING";
    pub const FORM: &str = "SELECT hash, body FROM paper_forms
        WHERE tenant = $1 AND paper = $2 AND form = $3";
    pub const TO_POST: &str = "SELECT tenant, id FROM papers WHERE posted = 0
        ORDER BY seq LIMIT $1";
    pub const POSTED: &str = "UPDATE papers SET posted = 1 WHERE tenant = $1 AND id = $2";
    #[cfg(test)]
    pub const ALL: &[&str] = &[
        INSERT, FIND, LIST, LAST, COVER, COVERED, COVERS, KEEP, FORM, TO_POST, POSTED,
    ];
}

/// A paper to issue.
#[derive(Clone, Copy, Debug)]
pub struct NewPaper<'a> {
    pub tenant: u128,
    /// The caller's: presenting it again gives the paper that it got.
    pub id: u128,
    pub seller: u128,
    /// `invoice`, `simplified_invoice` or `credit_note`.
    pub kind: &'a str,
    /// What of the payments is on it.
    pub supply: PaperSupply,
    /// Of issue; with seller and kind it is the series.
    pub year: u16,
    /// Of everything that was asked.
    pub asked: [u8; 32],
    /// What a credit note corrects.
    pub original: Option<u128>,
    /// What is on it.
    pub covers: &'a [Covered],
}

/// What stands on a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Covered {
    /// The payment or capture, or the refund or dispute.
    pub thing: u128,
    /// The party whose share of it stands there, if there are several shares; zero for all of it.
    pub seller: u128,
    /// The case that decided that share's tax, for one party may have two; zero for all of it.
    pub case: u32,
}

impl Covered {
    /// All of a payment to one, or of what was given back of it.
    #[must_use]
    pub const fn whole(thing: u128) -> Covered {
        Covered {
            thing,
            seller: 0,
            case: 0,
        }
    }
}

/// What of a payment stands on a paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaperSupply {
    /// What was sold.
    #[default]
    Sale,
    /// The platform's fee.
    Fee,
}

impl PaperSupply {
    fn as_str(self) -> &'static str {
        match self {
            PaperSupply::Sale => "sale",
            PaperSupply::Fee => "fee",
        }
    }

    fn read(text: &str) -> Result<PaperSupply, Error> {
        let all = [PaperSupply::Sale, PaperSupply::Fee];
        let found = all.into_iter().find(|supply| supply.as_str() == text);
        found.ok_or(CORRUPT)
    }
}

/// What a number makes of a paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The number as it stands on the paper.
    pub label: String,
    /// The forms, by name.
    pub forms: Vec<(&'static str, Vec<u8>)>,
    /// What is to be posted of its rounding, if anything is.
    pub to_post: Option<Vec<u8>>,
}

/// A paper that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedPaper {
    pub id: u128,
    pub seller: u128,
    pub kind: String,
    pub year: u16,
    pub number: u64,
    pub label: String,
    pub asked: [u8; 32],
    pub original: Option<u128>,
    pub issued_at_ms: i64,
    /// Counts the tenant's papers in the order they were issued.
    pub seq: i64,
    /// What of the payments is on it.
    pub supply: PaperSupply,
    /// Whether the ledger has all of its rounding.
    pub is_posted: bool,
}

/// What became of a paper to issue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Issue<E> {
    Issued(IssuedPaper),
    /// The same was asked before: what it got then.
    Known(IssuedPaper),
    /// Something else was asked under this id.
    Other(IssuedPaper),
    /// This stands on that paper already.
    Covered {
        thing: u128,
        paper: u128,
    },
    /// It could not be made: no number was given.
    Failed(E),
}

impl Store {
    /// Issues a paper under the next number of its series, which `make` puts on it. `make` runs
    /// while the store is held: it must be quick and ask nothing of the store.
    pub fn issue_paper<E>(
        &self,
        new: &NewPaper<'_>,
        now_ms: i64,
        random: &mut dyn Random,
        make: impl FnOnce(u64) -> Result<Made, E>,
    ) -> Result<Issue<E>, Error> {
        let key = self.papers_key(new.tenant, now_ms, random)?;
        let mut writer = self.db.writer();
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(known) = find(&tx, new.tenant, new.id)? {
            return Ok(match known.asked == new.asked {
                true => Issue::Known(known),
                false => Issue::Other(known),
            });
        }
        let (tenant, supply) = (new.tenant.to_be_bytes(), new.supply.as_str());
        for Covered {
            thing,
            seller,
            case,
        } in new.covers
        {
            let (bytes, seller) = (thing.to_be_bytes(), seller.to_be_bytes());
            let covered = tx.prepare_cached(sql::COVER)?.execute(params![
                tenant,
                bytes,
                seller,
                case,
                supply,
                new.id.to_be_bytes()
            ])?;
            if covered == 0 {
                let paper = tx
                    .prepare_cached(sql::COVERED)?
                    .query_row(params![tenant, bytes, seller, case, supply], |row| {
                        row.get(0)
                    })?;
                let (thing, paper) = (*thing, u128::from_be_bytes(paper));
                return Ok(Issue::Covered { thing, paper });
            }
        }
        let last: i64 = tx.prepare_cached(sql::LAST)?.query_row(
            params![tenant, new.seller.to_be_bytes(), new.kind, new.year],
            |row| row.get(0),
        )?;
        let number = u64::try_from(last).map_err(|_| CORRUPT)? + 1;
        let made = match make(number) {
            Ok(made) => made,
            // The transaction is dropped, and with it the number.
            Err(why) => return Ok(Issue::Failed(why)),
        };
        tx.prepare_cached(sql::INSERT)?.execute(params![
            tenant,
            new.id.to_be_bytes(),
            new.seller.to_be_bytes(),
            new.kind,
            new.year,
            last + 1,
            made.label,
            new.asked,
            new.original.map(u128::to_be_bytes),
            now_ms,
            supply,
            made.to_post.is_none()
        ])?;
        let to_post = made.to_post.as_deref().map(|bytes| (TO_POST, bytes));
        let forms = made.forms.iter().map(|(form, bytes)| (*form, &**bytes));
        for (form, bytes) in forms.chain(to_post) {
            keep(&tx, &key, (new.tenant, new.id, form), bytes, random)?;
        }
        let issued = find(&tx, new.tenant, new.id)?.ok_or(CORRUPT)?;
        tx.commit()?;
        Ok(Issue::Issued(issued))
    }

    /// A paper, without its forms.
    pub fn paper(&self, tenant: u128, id: u128) -> Result<Option<IssuedPaper>, Error> {
        let reader = self.db.reader()?;
        let found = reader
            .prepare_cached(sql::FIND)?
            .query_row([tenant.to_be_bytes(), id.to_be_bytes()], |row| {
                Ok(read(row))
            })
            .optional()?;
        found.transpose()
    }

    /// Invoices of both kinds, or credit notes; the last issued first.
    pub fn papers(
        &self,
        tenant: u128,
        is_credit_note: bool,
        seller: Option<u128>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<IssuedPaper, i64>, Error> {
        let reader = self.db.reader()?;
        let papers = reader
            .prepare_cached(sql::LIST)?
            .query_map(
                params![
                    tenant.to_be_bytes(),
                    is_credit_note,
                    before.unwrap_or(i64::MAX),
                    seller.map(u128::to_be_bytes),
                    fetch_limit(limit)
                ],
                |row| Ok(read(row)),
            )?
            .map(|row| row?)
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Page::cut(papers, limit, |paper| paper.seq))
    }

    /// The paper that a payment, or what was given back of one, stands on as that supply.
    pub fn paper_of(
        &self,
        tenant: u128,
        covered: Covered,
        supply: PaperSupply,
    ) -> Result<Option<u128>, Error> {
        let reader = self.db.reader()?;
        let asked = params![
            tenant.to_be_bytes(),
            covered.thing.to_be_bytes(),
            covered.seller.to_be_bytes(),
            covered.case,
            supply.as_str()
        ];
        let paper: Option<[u8; 16]> = reader
            .prepare_cached(sql::COVERED)?
            .query_row(asked, |row| row.get(0))
            .optional()?;
        Ok(paper.map(u128::from_be_bytes))
    }

    /// What is to be posted of a paper's rounding; `None` if that was nothing.
    pub fn paper_to_post(&self, tenant: u128, id: u128) -> Result<Option<Vec<u8>>, Error> {
        self.paper_form(tenant, id, TO_POST)
    }

    /// The oldest papers whose rounding the ledger has not: tenant and id of each.
    pub fn papers_to_post(&self, limit: usize) -> Result<Vec<(u128, u128)>, Error> {
        let reader = self.db.reader()?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let papers = reader
            .prepare_cached(sql::TO_POST)?
            .query_map([limit], |row| {
                let (tenant, id) = (row.get(0)?, row.get(1)?);
                Ok((u128::from_be_bytes(tenant), u128::from_be_bytes(id)))
            })?
            .collect::<Result<_, _>>()?;
        Ok(papers)
    }

    /// Notes that the ledger has all of a paper's rounding.
    pub fn paper_posted(&self, tenant: u128, id: u128) -> Result<(), Error> {
        let writer = self.db.writer();
        writer
            .prepare_cached(sql::POSTED)?
            .execute([tenant.to_be_bytes(), id.to_be_bytes()])?;
        Ok(())
    }

    /// What stands on a paper, in order.
    pub fn paper_covers(&self, tenant: u128, id: u128) -> Result<Vec<Covered>, Error> {
        let reader = self.db.reader()?;
        let things = reader
            .prepare_cached(sql::COVERS)?
            .query_map([tenant.to_be_bytes(), id.to_be_bytes()], |row| {
                Ok(Covered {
                    thing: u128::from_be_bytes(row.get(0)?),
                    seller: u128::from_be_bytes(row.get(1)?),
                    case: row.get(2)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(things)
    }

    /// A form of a paper, as it was first written; `None` if it has not been written yet.
    pub fn paper_form(&self, tenant: u128, id: u128, form: &str) -> Result<Option<Vec<u8>>, Error> {
        let found: Option<([u8; 16], Vec<u8>)> = {
            let reader = self.db.reader()?;
            reader
                .prepare_cached(sql::FORM)?
                .query_row(
                    params![tenant.to_be_bytes(), id.to_be_bytes(), form],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?
        };
        let Some((hash, body)) = found else {
            return Ok(None);
        };
        let keys = self.keys.find_many([(tenant, PAPERS)].into_iter())?;
        let Some(KeyState::Live(key)) = keys.get(&(tenant, PAPERS)) else {
            return Err(Error::Unreadable);
        };
        let bytes = key.open(&ids(tenant, id, form), hash, &body)?;
        Ok(Some(bytes.to_vec()))
    }

    /// Keeps a form that was written later, unless another was first; what is kept is returned.
    pub fn keep_paper_form(
        &self,
        tenant: u128,
        id: u128,
        form: &str,
        bytes: &[u8],
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let key = self.papers_key(tenant, now_ms, random)?;
        {
            let mut writer = self.db.writer();
            let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            keep(&tx, &key, (tenant, id, form), bytes, random)?;
            tx.commit()?;
        }
        let kept = self.paper_form(tenant, id, form)?;
        kept.ok_or(CORRUPT)
    }

    fn papers_key(
        &self,
        tenant: u128,
        now_ms: i64,
        random: &mut dyn Random,
    ) -> Result<SubjectKey, Error> {
        let subject = (tenant, PAPERS);
        let subjects = [subject].into_iter();
        let mut keys = self.keys.find_or_make_many(subjects, now_ms, random)?;
        match keys.remove(&subject) {
            Some(KeyState::Live(key)) => Ok(key),
            Some(KeyState::Erased | KeyState::Absent) | None => Err(Error::Unreadable),
        }
    }
}

const CORRUPT: Error = Error::Corrupt { what: "a paper" };

fn keep(
    tx: &Transaction<'_>,
    key: &SubjectKey,
    (tenant, paper, form): (u128, u128, &str),
    bytes: &[u8],
    random: &mut dyn Random,
) -> Result<(), Error> {
    let ids = ids(tenant, paper, form);
    let hash = key.hash(&ids, bytes);
    let body = key.seal(&ids, hash, bytes, random)?;
    tx.prepare_cached(sql::KEEP)?.execute(params![
        tenant.to_be_bytes(),
        paper.to_be_bytes(),
        form,
        hash,
        body
    ])?;
    Ok(())
}

/// What a sealed form is bound to.
fn ids(tenant: u128, paper: u128, form: &str) -> Vec<u8> {
    let mut ids = b"paper".to_vec();
    ids.extend_from_slice(&tenant.to_be_bytes());
    ids.extend_from_slice(&paper.to_be_bytes());
    ids.extend_from_slice(form.as_bytes());
    ids
}

fn find(tx: &Transaction<'_>, tenant: u128, id: u128) -> Result<Option<IssuedPaper>, Error> {
    let found = tx
        .prepare_cached(sql::FIND)?
        .query_row([tenant.to_be_bytes(), id.to_be_bytes()], |row| {
            Ok(read(row))
        })
        .optional()?;
    found.transpose()
}

fn read(row: &Row<'_>) -> Result<IssuedPaper, Error> {
    let number: i64 = row.get(4)?;
    let original: Option<[u8; 16]> = row.get(7)?;
    Ok(IssuedPaper {
        id: u128::from_be_bytes(row.get(0)?),
        seller: u128::from_be_bytes(row.get(1)?),
        kind: row.get(2)?,
        year: row.get(3)?,
        number: u64::try_from(number).map_err(|_| CORRUPT)?,
        label: row.get(5)?,
        asked: row.get(6)?,
        original: original.map(u128::from_be_bytes),
        issued_at_ms: row.get(8)?,
        seq: row.get(9)?,
        supply: PaperSupply::read(row.get_ref(10)?.as_str().map_err(|_| CORRUPT)?)?,
        is_posted: row.get(11)?,
    })
}

#[cfg(test)]
mod tests;
