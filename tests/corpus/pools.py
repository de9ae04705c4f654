"""Names, goods, places and label wordings from which the documents are made."""

COMPANIES = (
    "ACME", "ACME Holdings", "Müller & Söhne GmbH", "Café du Pont SARL", 'The "Blue Door" Press', "Zenith Optics, Inc.",
    "O'Hara & Daughters", "Nordlys A/S", "Ibérica Textil S.L.", "Kraków Glass Sp. z o.o.", "Delta 9 Logistics",
    "Delta 9",
    "Sunrise Foods Ltd", "Sunrise Foods (North) Ltd", "Atlas Tooling AG", "Société Générale de Bois",
    "Pixel/Grain Studio",
    "Baker: Bread & Co.", "Öresund Marine", "Twelve Oaks Winery", "Quanta Labs", "Vale Paper Mills",
    "1st Choice Cleaning",
    "Lumière Électrique", "Greta Holm Design", "Silverline Couriers", "North & South Rail", "Emerald Data Services",
)
PEOPLE = ("Anna Lindqvist", "José Álvarez", "Mary O'Neill", "Jürgen Weiß", "Li Wei", "Dr. Paul Achterberg",
          "Chloé Martin",
          "Samuel Okafor", "Ana Lind", "Priya Raman", "Tom Baker", "Tom Baker Jr.")
CITIES = ("Zürich", "Leeds", "Portland", "Lyon", "Gdańsk", "Malmö", "Boston", "Köln", "Genève", "Cork", "Austin",
          "Turin")
STREETS = ("12 Mill Lane", "Hauptstraße 7", "3 rue de la Paix", "400 Harbor Blvd", "Unit 5, Canal Wharf", "Seeweg 100")
GOODS = (
    "Desk lamp", '27" monitor', "Consulting, senior", "Consulting", "Oak shelf 100 x 30 cm", "Café crème beans, 1 kg",
    "Hosting (3 months)", "Delivery", "Paper A4, box of 5", "Window cleaning", "Staff training day", "USB-C cable 2 m",
    "Server maintenance", "Hex bolt M8 x 100", "Translation EN-DE", "Crème brûlée dish", "Filter set 2/3", "Site visit",
    "Printer toner", "Steel pipe 2.5 m", "Garden soil", "Logo design", "Audit fee", "Chair, blue",
)
REMARKS = ("Fragile: handle with care", "Delivered in two parts", "Thank you for your order",
           "Includes 2 years of warranty",
           'Marked "urgent" by the buyer', "Prices as agreed on the phone")
FILLERS = (
    "Goods remain our property until they are paid in full.", "Questions? Call extension 2 between 9 and 17 hours.",
    "Late payment is charged at 1.5 % per month after 30 days.",
    "Registered under number 100 482 in the trade register.",
    "This document was made by computer and is valid without a signature.", "Please keep this page for your records.",
    "We plant 1 tree for every order above 100.", "Opening hours: Monday to Friday, 8 to 12 and 1 to 5.",
    "Returns are accepted within 14 days in the original packaging.", "All work is guaranteed for 12 months.",
)
LABELS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "number": ("Invoice number", "Invoice no.", "Invoice #", "Document", "Our reference", "Bill No"),
        "seller": ("From", "Seller", "Supplier", "Issued by", "Vendor"),
        "buyer": ("Bill to", "Customer", "Sold to", "Invoice for", "Client"),
        "issued": ("Invoice date", "Date", "Issued", "Date of issue", "Dated"),
        "due": ("Due date", "Payable by", "Pay before", "Payment due", "Due"),
        "subtotal": ("Subtotal", "Net amount", "Sum of items", "Goods and services", "Total before tax"),
        "tax": ("VAT", "Sales tax", "Tax", "Tax amount"), "rate": ("Tax rate", "VAT rate", "Rate of tax"),
        "total": ("Total", "Amount due", "Grand total", "Total payable", "Balance due", "Please pay"),
        "status": ("Status", "Payment status"), "method": ("Payment method", "To be paid by"),
        "order": ("Purchase order", "Your order", "PO number"), "currency": ("Currency", "All amounts in"),
        "discount": ("Discount", "Rebate", "Less"), "count": ("Number of items", "Lines", "Positions"),
        "sites": ("Delivery site", "Delivered to"), "remarks": ("Remark", "Note"), "url": ("Pay online", "Web", "Link"),
        "vat_id": ("VAT ID", "Tax number"), "address": ("Address", "Office"),
    },
    "de": {
        "number": ("Rechnungsnummer", "Rechnung Nr."), "seller": ("Lieferant", "Rechnungssteller"),
        "buyer": ("Kunde", "Rechnung an"), "issued": ("Rechnungsdatum", "Datum"), "due": ("Fällig am", "Zahlbar bis"),
        "subtotal": ("Zwischensumme", "Nettobetrag"), "tax": ("MwSt.", "Umsatzsteuer"), "rate": ("Steuersatz",),
        "total": ("Gesamtbetrag", "Zu zahlen"), "status": ("Status",), "method": ("Zahlungsart",),
        "order": ("Bestellnummer",), "currency": ("Währung",), "discount": ("Rabatt",), "count": ("Positionen",),
        "sites": ("Lieferort",), "remarks": ("Bemerkung",), "url": ("Online",), "vat_id": ("USt-IdNr.",),
        "address": ("Anschrift",),
    },
    "fr": {
        "number": ("Facture n°", "Numéro de facture"), "seller": ("Fournisseur", "Émetteur"), "buyer": ("Client",),
        "issued": ("Date de facture", "Émise le"), "due": ("Échéance", "À payer avant le"),
        "subtotal": ("Total HT", "Sous-total"), "tax": ("TVA",), "rate": ("Taux de TVA",),
        "total": ("Total TTC", "Net à payer"), "status": ("Statut",), "method": ("Mode de paiement",),
        "order": ("Commande",), "currency": ("Devise",), "discount": ("Remise",), "count": ("Nombre de lignes",),
        "sites": ("Lieu de livraison",), "remarks": ("Remarque",), "url": ("Lien",), "vat_id": ("N° TVA",),
        "address": ("Adresse",),
    },
}
