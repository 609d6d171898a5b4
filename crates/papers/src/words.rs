//! Every label of every paper in the five languages. A label that misses one does not compile.

use crate::Language;
use crate::facts::{CashNumber, CashUsage, Kind, Treatment};

macro_rules! words {
    ($($name:ident: $en:literal, $ko:literal, $ja:literal, $de:literal, $fr:literal;)+) => {
        /// A label.
        #[allow(missing_docs, reason = "a label's English text is its documentation")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Word { $($name,)+ }

        impl Word {
            /// All of them.
            pub const ALL: &[Word] = &[$(Word::$name,)+];

            /// In a language.
            #[must_use]
            pub const fn say(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Word::$name, Language::En) => $en,
                    (Word::$name, Language::Ko) => $ko,
                    (Word::$name, Language::Ja) => $ja,
                    (Word::$name, Language::De) => $de,
                    (Word::$name, Language::Fr) => $fr,)+
                }
            }
        }
    };
}

words! {
    Invoice: "Invoice", "청구서", "請求書", "Rechnung", "Facture";
    QualifiedInvoice: "Qualified invoice", "적격청구서", "適格請求書", "Qualifizierte Rechnung",
        "Facture qualifiée";
    SimplifiedInvoice: "Simplified invoice", "간이 청구서", "簡易請求書", "Kleinbetragsrechnung",
        "Facture simplifiée";
    CreditNote: "Credit note", "수정 청구서 (대변표)", "返還請求書", "Rechnungskorrektur",
        "Facture rectificative (avoir)";
    Receipt: "Receipt", "영수증", "領収書", "Quittung", "Reçu";
    CashReceipt: "Cash receipt", "현금영수증", "現金領収書（韓国）", "Kassenbeleg (Südkorea)",
        "Reçu de caisse (Corée du Sud)";
    Statement: "Statement", "거래내역서", "取引明細書", "Kontoauszug", "Relevé";
    Number: "Number", "번호", "番号", "Nummer", "Numéro";
    Issued: "Issued", "발행일", "発行日", "Ausgestellt am", "Émise le";
    Due: "Due", "지급기한", "支払期限", "Zahlbar bis", "Échéance";
    Supplied: "Supplied", "공급일", "取引年月日", "Leistungsdatum", "Date de la prestation";
    Period: "Period", "거래기간", "取引期間", "Leistungszeitraum", "Période";
    Seller: "Seller", "공급자", "売手", "Verkäufer", "Vendeur";
    Buyer: "Buyer", "공급받는 자", "買手", "Käufer", "Acheteur";
    TaxNumber: "Tax number", "사업자등록번호", "税務登録番号", "USt-IdNr./Steuernummer",
        "N° de TVA";
    QualifiedNumber: "Registration number (qualified invoice issuer)", "적격청구서 발행사업자 등록번호",
        "登録番号", "Registrierungsnummer (Japan)", "N° d'enregistrement (Japon)";
    Registration: "Company number", "법인등록번호", "法人番号", "Handelsregister",
        "N° d'immatriculation";
    BuyerReference: "Your reference", "구매자 참조", "貴社参照番号", "Ihre Referenz",
        "Votre référence";
    Order: "Order", "주문번호", "注文番号", "Bestellung", "Commande";
    Corrects: "Corrects", "당초 청구서", "訂正対象", "Berichtigt", "Rectifie";
    Why: "Reason", "사유", "理由", "Grund", "Motif";
    Item: "Description", "품목", "品目", "Beschreibung", "Désignation";
    Quantity: "Quantity", "수량", "数量", "Menge", "Quantité";
    Payments: "Payments", "결제 건수", "決済件数", "Zahlungen", "Paiements";
    UnitPrice: "Unit price", "단가", "単価", "Einzelpreis", "Prix unitaire";
    Rate: "Tax rate", "세율", "税率", "Steuersatz", "Taux";
    Net: "Without tax", "공급가액", "税抜金額", "Netto", "Hors taxe";
    Tax: "Tax", "세액", "消費税額等", "Steuer", "Taxe";
    Gross: "With tax", "합계금액", "税込金額", "Brutto", "TTC";
    Amount: "Amount", "금액", "金額", "Betrag", "Montant";
    Lines: "Sum of lines", "소계", "小計", "Zwischensumme", "Sous-total";
    Allowance: "Discount", "할인", "値引", "Nachlass", "Remise";
    Charge: "Charge", "추가요금", "追加料金", "Zuschlag", "Majoration";
    TotalNet: "Total without tax", "공급가액 합계", "税抜合計", "Gesamt netto", "Total hors taxe";
    TotalTax: "Total tax", "세액 합계", "消費税額合計", "Gesamt Steuer", "Total taxe";
    TotalGross: "Total with tax", "총 합계", "税込合計", "Gesamtbetrag", "Total TTC";
    Paid: "Already paid", "기결제액", "支払済額", "Bereits bezahlt", "Déjà payé";
    Returned: "Already returned", "환급액", "返金済額", "Bereits erstattet", "Déjà remboursé";
    Rounding: "Rounding", "단수 조정", "端数調整", "Rundung", "Arrondi";
    StillDue: "Amount due", "청구 금액", "ご請求額", "Zahlbetrag", "Net à payer";
    TaxSummary: "Tax by rate", "세율별 내역", "税率別内訳", "Steuer je Satz", "Taxe par taux";
    TaxIn: "Tax in", "환산 세액:", "換算税額：", "Steuer in", "Taxe en";
    ExchangeRate: "Exchange rate", "환율", "換算レート", "Umrechnungskurs", "Taux de change";
    Note: "Note", "비고", "備考", "Hinweis", "Remarque";
    Page: "Page", "쪽", "ページ", "Seite", "Page";
    Payment: "Payment", "결제", "決済", "Zahlung", "Paiement";
    PaidAt: "Paid at", "결제일시", "決済日時", "Bezahlt am", "Payé le";
    Refunded: "Refunded", "환불액", "返金額", "Erstattet", "Remboursé";
    TaxIncluded: "of which tax", "세액 포함", "うち消費税等", "darin enthaltene Steuer", "dont taxe";
    Opening: "Opening balance", "기초 잔액", "期首残高", "Anfangssaldo", "Solde initial";
    Closing: "Closing balance", "기말 잔액", "期末残高", "Endsaldo", "Solde final";
    MoneyIn: "In", "입금", "入金", "Eingang", "Crédit";
    MoneyOut: "Out", "출금", "出金", "Ausgang", "Débit";
    Balance: "Balance", "잔액", "残高", "Saldo", "Solde";
    Wallet: "Wallet", "지갑", "ウォレット", "Wallet", "Portefeuille";
    Date: "Date", "일자", "日付", "Datum", "Date";
    Print: "Print", "인쇄", "印刷", "Drucken", "Imprimer";
    ReducedMark: "※ taxed at the reduced rate", "※ 경감세율 대상", "※は軽減税率対象",
        "※ ermäßigter Steuersatz", "※ taux réduit";
    Usage: "Usage", "거래구분", "用途", "Verwendung", "Usage";
    IdentifiedBy: "Identified by", "신분확인번호", "確認番号", "Ausgewiesen durch",
        "Identifié par";
    Approval: "Approval number", "승인번호", "承認番号", "Genehmigungsnummer",
        "N° d'approbation";
    Awaited: "awaited: not yet a cash receipt", "승인 대기 중 (현금영수증 미발급)",
        "承認待ち（未発行）", "noch nicht erteilt", "en attente";
    Taxed: "Taxed", "과세", "課税", "Steuerpflichtig", "Taxé";
    ZeroRated: "Zero-rated", "영세율", "免税（ゼロ税率）", "Nullsatz", "Taux zéro";
    Exempt: "Exempt from tax", "면세", "非課税", "Steuerfrei", "Exonéré de taxe";
    ReverseCharge: "Reverse charge", "대리납부 (매입자 납세)", "リバースチャージ方式",
        "Steuerschuldnerschaft des Leistungsempfängers", "Autoliquidation";
    Export: "Export, free of tax", "수출 (영세율)", "輸出免税", "Ausfuhr, steuerfrei",
        "Exportation, exonérée";
    OutOfScope: "Outside the scope of tax", "과세 대상 아님", "不課税", "Nicht steuerbar",
        "Hors champ de la taxe";
    IncomeDeduction: "income deduction", "소득공제용", "所得控除用", "Einkommensabzug",
        "déduction du revenu";
    ExpenseProof: "proof of expense", "지출증빙용", "支出証憑用", "Ausgabenbeleg",
        "justificatif de dépense";
    Mobile: "mobile number", "휴대전화번호", "携帯電話番号", "Mobilnummer", "n° de mobile";
    Business: "business number", "사업자등록번호", "事業者登録番号", "Unternehmensnummer",
        "n° d'entreprise";
    Card: "cash receipt card", "현금영수증카드", "現金領収書カード", "Belegkarte",
        "carte de reçu";
    SelfIssued: "issued by the seller of its own accord", "자진발급", "自主発行",
        "vom Verkäufer ausgestellt", "émis d'office";
}

/// The title of a kind of paper.
#[must_use]
pub fn title(kind: &Kind, is_qualified: bool) -> Word {
    match kind {
        Kind::Invoice if is_qualified => Word::QualifiedInvoice,
        Kind::Invoice => Word::Invoice,
        Kind::SimplifiedInvoice => Word::SimplifiedInvoice,
        Kind::CreditNote { .. } => Word::CreditNote,
    }
}

/// The name of a treatment.
#[must_use]
pub fn treatment(treatment: Treatment) -> Word {
    match treatment {
        Treatment::Taxed => Word::Taxed,
        Treatment::ZeroRated => Word::ZeroRated,
        Treatment::Exempt => Word::Exempt,
        Treatment::ReverseCharge => Word::ReverseCharge,
        Treatment::Export => Word::Export,
        Treatment::OutOfScope => Word::OutOfScope,
    }
}

/// For what a cash receipt is wanted.
#[must_use]
pub fn usage(usage: CashUsage) -> Word {
    match usage {
        CashUsage::IncomeDeduction => Word::IncomeDeduction,
        CashUsage::ExpenseProof => Word::ExpenseProof,
    }
}

/// What identifies the buyer on a cash receipt.
#[must_use]
pub fn number_kind(kind: CashNumber) -> Word {
    match kind {
        CashNumber::Mobile => Word::Mobile,
        CashNumber::Business => Word::Business,
        CashNumber::Card => Word::Card,
        CashNumber::SelfIssued => Word::SelfIssued,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_said_in_every_language_and_in_its_script() {
        let is_hangul = |c: char| ('\u{ac00}'..='\u{d7a3}').contains(&c);
        let is_cjk = |c: char| ('\u{3040}'..='\u{9fff}').contains(&c);
        for word in Word::ALL {
            for language in Language::ALL {
                let said = word.say(language);
                assert!(!said.trim().is_empty(), "{word:?}");
                match language {
                    Language::Ko => assert!(said.contains(is_hangul), "{said}"),
                    Language::Ja => assert!(said.contains(is_cjk) || said == "ウォレット"),
                    _ => assert!(!said.contains(|c| is_hangul(c) || is_cjk(c)), "{said}"),
                }
            }
        }
    }
}
