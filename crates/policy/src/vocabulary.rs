//! The words that rules and facts are made of. **A word's position is frozen once released; new ones
//! are added at the end.** A dimension has at most 32 words.

use crate::dimension::dimension;
use serde::{Deserialize, Serialize};

dimension! {
    /// How far a party has been verified; each includes the ones before.
    Tier, "tier" {
        /// Nothing is known.
        Anonymous = "anonymous", "anonymous", "익명";
        /// A telephone number was confirmed.
        Phone = "phone", "phone-verified", "휴대폰 확인";
        /// Name and date of birth, from a document or register.
        Identified = "identified", "identified", "본인 확인";
        /// Identity proved in person, by video or by an electronic identity.
        Strong = "strong", "verified with strong ID", "강력한 본인 인증";
        /// A body: registration and who owns it.
        Business = "business", "business", "사업자";
    }
}

dimension! {
    /// What a party is.
    PartyKind, "party" {
        /// A human.
        Person = "person", "person", "개인";
        /// A company or other body.
        Business = "business", "business", "사업자";
        /// A software agent.
        Agent = "agent", "software agent", "소프트웨어 에이전트";
    }
}

dimension! {
    /// How old a person is, as coarsely as rules need it.
    Age, "age" {
        /// Not known, or not a person.
        Unknown = "unknown", "age unknown", "나이 미상";
        /// Under 14.
        Child = "child", "under 14", "14세 미만";
        /// From 14, not of age.
        Minor = "minor", "14 or older, not of age", "14세 이상 미성년";
        /// Of age.
        Adult = "adult", "of age", "성년";
    }
}

dimension! {
    /// The rail that value comes or goes by.
    Channel, "channel" {
        /// Within the platform.
        Wallet = "wallet", "wallet", "지갑";
        /// A card gateway.
        Card = "card", "card", "카드";
        /// A bank transfer.
        Bank = "bank", "bank transfer", "계좌이체";
        /// An instant scheme: Pix, UPI, SEPA Instant.
        InstantTransfer = "instant", "instant transfer", "즉시이체";
        /// A telephone bill.
        Carrier = "carrier", "carrier billing", "휴대폰 소액결제";
        /// A blockchain.
        Chain = "chain", "blockchain", "블록체인";
        /// Cash over a counter.
        Cash = "cash", "cash", "현금";
        /// Another mobile-money scheme.
        MobileMoney = "mobile_money", "mobile money", "모바일머니";
        /// Entered by hand.
        Manual = "manual", "by hand", "수기";
    }
}

dimension! {
    /// Where value came from.
    Funds, "funds" {
        /// A payment card.
        Card = "card", "card", "카드";
        /// A bank account.
        Bank = "bank", "bank account", "은행 계좌";
        /// A telephone bill.
        Carrier = "carrier", "telephone bill", "통신요금";
        /// A blockchain.
        Crypto = "crypto", "crypto assets", "가상자산";
        /// Cash.
        Cash = "cash", "cash", "현금";
        /// Income, whose origin has settled.
        Earned = "earned", "income", "수입";
        /// A promotion.
        Promo = "promo", "promotion", "프로모션";
        /// A subsidy.
        Grant = "grant", "subsidy", "지원금";
        /// A credit line.
        Credit = "credit", "credit line", "신용";
    }
}

dimension! {
    /// What is done with value.
    Payment, "payment" {
        /// Paid for something.
        Spend = "spend", "payment", "결제";
        /// Passed on to another party.
        Transfer = "transfer", "transfer", "송금";
        /// Given to another party for its use.
        Gift = "gift", "gift", "선물";
        /// Put in.
        Load = "load", "top-up", "충전";
        /// Taken out.
        Withdrawal = "withdrawal", "withdrawal", "출금";
        /// Given back by a payee.
        Refund = "refund", "refund", "환불";
        /// What is left, paid out by the issuer.
        Redemption = "redemption", "redemption", "잔액 환급";
    }
}

dimension! {
    /// What is paid for.
    Product, "product" {
        /// Not said.
        Other = "other", "other", "기타";
        /// Tangible goods.
        Goods = "goods", "goods", "재화";
        /// Digital content.
        Digital = "digital", "digital content", "디지털 콘텐츠";
        /// Voice-based services.
        Voice = "voice", "voice services", "음성 서비스";
        /// Services.
        Service = "service", "services", "용역";
        /// Tickets.
        Ticket = "ticket", "tickets", "입장권";
        /// Charity.
        Charity = "charity", "charity", "기부";
        /// Transport fares.
        Transport = "transport", "transport fares", "교통요금";
        /// Parking fees.
        Parking = "parking", "parking fees", "주차요금";
        /// Games.
        Game = "game", "games", "게임";
        /// Gambling.
        Gambling = "gambling", "gambling", "사행성";
        /// Vouchers and other things as good as cash.
        CashLike = "cash_like", "vouchers and cash equivalents", "상품권 등 환금성 상품";
        /// Remittances abroad.
        Remittance = "remittance", "remittance", "해외송금";
    }
}

dimension! {
    /// Where the payer stands.
    Presence, "presence" {
        /// At a distance.
        Remote = "remote", "remote", "원격";
        /// At a staffed terminal, contactless.
        Contactless = "contactless", "contactless", "비접촉";
        /// At a terminal with nobody behind it.
        Unattended = "unattended", "unattended terminal", "무인 단말";
    }
}

dimension! {
    /// By what means the payment is made.
    Technology, "technology" {
        /// Any online means.
        Online = "online", "online", "온라인";
        /// Without a connection at the moment of payment.
        Offline = "offline", "offline", "오프라인";
        /// A code shown or read.
        Qr = "qr", "QR code", "QR코드";
        /// Telephone menus.
        Ussd = "ussd", "telephone menu", "USSD";
        /// Text messages.
        Sms = "sms", "text message", "문자메시지";
        /// A small-value wallet on the device, replenished with authentication.
        Lite = "lite", "small-value wallet", "소액 지갑";
        /// A signed voucher of a machine.
        Voucher = "voucher", "signed voucher", "서명된 바우처";
    }
}

dimension! {
    /// What the operator is licensed or exempted as.
    Status, "operator" {
        /// Nothing of the list.
        None = "none", "no licence", "무등록";
        /// An electronic-money institution.
        EMoney = "e_money", "electronic-money institution", "전자화폐기관";
        /// A payment institution.
        PaymentInstitution = "payment_institution", "payment institution", "지급기관";
        /// A limited network.
        LimitedNetwork = "limited_network", "limited network", "제한된 네트워크";
        /// A telecom that bills for others.
        Telecom = "telecom", "telecom", "통신사업자";
        /// A money services business.
        Msb = "msb", "money services business", "자금서비스업자";
        /// An issuer of prepaid instruments.
        PrepaidIssuer = "prepaid_issuer", "issuer of prepaid instruments", "선불업자";
        /// A funds transfer business of type 2 (Japan).
        Transfer2 = "transfer_2", "type 2 funds transfer business", "제2종 자금이동업";
        /// A funds transfer business of type 3 (Japan).
        Transfer3 = "transfer_3", "type 3 funds transfer business", "제3종 자금이동업";
        /// A bank.
        Bank = "bank", "bank", "은행";
        /// A provider of crypto-asset services.
        CryptoProvider = "crypto_provider", "crypto-asset service provider", "가상자산사업자";
    }
}

dimension! {
    /// What screening found about the payment or its parties.
    Screening, "screening" {
        /// Nothing.
        Clear = "clear", "clear", "이상 없음";
        /// A match with a list of sanctions, not yet cleared by a person.
        Sanctions = "sanctions", "sanctions match", "제재 대상 일치";
        /// Suspected money laundering.
        Laundering = "laundering", "suspected money laundering", "자금세탁 의심";
    }
}

dimension! {
    /// Whose place brings a pack in.
    Role, "reach" {
        /// Who pays.
        Payer = "payer", "payer", "지급인";
        /// Who is paid.
        Payee = "payee", "payee", "수취인";
        /// Who runs the platform.
        Operator = "operator", "operator", "운영자";
    }
}

dimension! {
    /// What else may be true of a payment.
    Flag, "flag" {
        /// The payer has put the payee on a list of trusted payees, with strong authentication.
        TrustedPayee = "trusted_payee", "trusted payee", "신뢰하는 수취인";
        /// One of a series of the same amount to the same payee whose first was authenticated.
        RecurringSame = "recurring_same", "recurring, same amount and payee", "동일 금액·수취인 정기결제";
        /// Started by the payee under a mandate given with strong authentication.
        PayeeInitiated = "payee_initiated", "started by the payee under a mandate", "위임에 따른 수취인 개시";
        /// Real-time risk analysis found it of low risk, within the fraud rate that allows it.
        LowRisk = "low_risk", "low risk by transaction analysis", "거래위험분석상 저위험";
        /// From a device the payer has not registered.
        NewDevice = "new_device", "unregistered device", "미등록 기기";
        /// The value cannot be loaded again.
        NotReloadable = "not_reloadable", "not reloadable", "재충전 불가";
        /// Paid out in cash.
        InCash = "in_cash", "in cash", "현금 지급";
        /// The payer has agreed in advance to what is done.
        Consented = "consented", "agreed to in advance", "사전 동의";
        /// Payer and payee are in different countries; found by the check itself.
        CrossBorder = "cross_border", "across a border", "국경 간";
        /// Payer and payee are the same party, or controlled by the same.
        SameParty = "same_party", "payer and payee are the same", "자기거래";
    }
}

dimension! {
    /// What a payer must do to go on.
    StepUp, "step_up" {
        /// Prove two factors, bound to amount and payee.
        Strong = "strong", "authenticate with two factors", "2요소 인증";
        /// Enter a code sent to the payer.
        Code = "code", "enter a one-time code", "일회용 코드 입력";
        /// Confirm on the screen.
        Confirm = "confirm", "confirm", "확인";
    }
}

dimension! {
    /// Who may see that a rule was looked at.
    Audience, "visible_to" {
        /// Who pays.
        Payer = "payer", "payer", "지급인";
        /// Who is paid.
        Seller = "seller", "seller", "판매자";
        /// The operator's staff.
        Operator = "operator", "operator", "운영자";
        /// The operator's compliance officers.
        Compliance = "compliance", "compliance", "준법감시";
        /// A supervisor.
        Regulator = "regulator", "regulator", "감독기관";
    }
}

dimension! {
    /// How a fact was found.
    Certainty, "certainty" {
        /// Read in a primary or official text.
        Official = "official", "read in the official text", "공식 문서에서 확인";
        /// Read in a law firm's, newspaper's or vendor's page.
        Secondary = "secondary", "read in a secondary text", "2차 자료에서 확인";
        /// General knowledge, not yet looked up.
        Unverified = "unverified", "not yet looked up", "미확인";
    }
}

dimension! {
    /// What gives room back in a limit.
    GiveBack, "gives_back" {
        /// A void, or the expiry of an authorization.
        Void = "void", "void", "승인취소";
        /// A refund.
        Refund = "refund", "refund", "환불";
    }
}

dimension! {
    /// What a duty is about.
    Topic, "topic" {
        /// What must be agreed to.
        Consent = "consent", "consent", "동의";
        /// Consumers' rights.
        Consumer = "consumer", "consumers", "소비자";
        /// Tax.
        Tax = "tax", "tax", "세금";
        /// What is reported to whom.
        Reporting = "reporting", "reporting", "보고";
        /// How long records are kept.
        Retention = "retention", "retention", "보존";
        /// Where data is kept.
        DataLocation = "data_location", "data location", "데이터 위치";
        /// What must not be told.
        TippingOff = "tipping_off", "tipping off", "누설 금지";
        /// What needs a licence or a notice.
        Licensing = "licensing", "licensing", "인허가";
        /// How users' money is kept apart.
        Safeguarding = "safeguarding", "safeguarding", "이용자 자금 보호";
        /// What is said before paying.
        Disclosure = "disclosure", "disclosure", "사전 고지";
        /// What travels with a transfer.
        TravelRule = "travel_rule", "travel rule", "트래블룰";
        /// Who bears an unauthorised payment.
        Liability = "liability", "liability", "책임";
        /// What an authentication is bound to.
        Authentication = "authentication", "authentication", "인증";
        /// Who watches.
        Supervisor = "supervisor", "supervisor", "감독기관";
        /// Whom to know, and when.
        Diligence = "diligence", "due diligence", "고객확인";
    }
}

dimension! {
    /// What a party shows for a tier.
    Evidence, "needs" {
        /// A telephone number, confirmed by a code.
        PhoneNumber = "phone_number", "a confirmed telephone number", "확인된 휴대폰 번호";
        /// Name and date of birth.
        Name = "name", "name and date of birth", "성명과 생년월일";
        /// A photograph.
        Photo = "photo", "a photograph", "사진";
        /// An identity document.
        Document = "document", "an identity document", "신분증";
        /// A national number, checked against its register.
        NationalNumber = "national_number", "a national identity number, checked", "확인된 국가 식별번호";
        /// An address, proved.
        Address = "address", "a proof of address", "주소 증명";
        /// A check in person, by video or by an electronic identity.
        InPerson = "in_person", "a check in person, by video or electronic identity", "대면·영상·전자신분증 확인";
        /// An account in the same name.
        OwnAccount = "own_account", "a bank account in the same name", "본인 명의 계좌";
        /// A certificate of registration.
        Registration = "registration", "a certificate of registration", "사업자등록증";
        /// Who owns and controls it.
        Owners = "owners", "its beneficial owners", "실소유자";
    }
}

/// Which party a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Who pays; whose wallet value leaves.
    Payer,
    /// Who is paid; whose wallet value comes to, in a top-up too.
    Payee,
}
