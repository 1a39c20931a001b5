"""A document with every field of the default contact schema."""

from typing import Any


def full_contact() -> dict[str, Any]:
    return {
        "personalInformation": {
            "displayName": "Johanna Spyri",
            "salutation": "ms",
            "title": "Dr.",
            "firstName": "Johanna",
            "middleName": "Louise",
            "lastName": "Spyri",
            "dateOfBirth": "1967-06-12",
            "placeOfBirth": "Hirzel",
            "countryOfBirth": "CH",
            "gender": "female",
            "maritalStatus": "married",
            "nationalities": ["CH", "DE"],
            "language": "de",
        },
        "contactInformation": {
            "email": "johanna.spyri@example.com",
            "mobile": "+41791234567",
            "phone": "044 123 45 67",
            "website": "https://www.example.com/heidi?volume=1",
            "preferredChannel": "email",
            "isMarketingAllowed": True,
            "addresses": [
                {
                    "type": "domicile",
                    "street": "Zeltweg",
                    "houseNumber": "9a",
                    "postalCode": "8032",
                    "city": "Zürich",
                    "country": "CH",
                    "state": "CH-ZH",
                }
            ],
        },
        "taxInformation": {
            "taxResidencies": [{"country": "CH", "taxNumber": "756.1234.5678.97"}],
            "isUsPerson": False,
            "fatcaStatus": "non-us",
        },
        "occupation": {
            "status": "self-employed",
            "employer": "Spyri",
            "position": "Writer",
            "industry": "arts",
            "annualIncome": 120000.5,
            "incomeCurrency": "CHF",
        },
        "regulatory": {
            "isPoliticallyExposed": True,
            "politicalExposure": {"function": "Wife of the town clerk", "country": "CH", "since": "2001-01-01"},
            "riskProfile": "low",
            "riskScore": 2,
            "kycDate": "2024-01-31",
            "nextReviewDate": "2027-01-31",
            "sanctionsCheckedAt": "2024-01-31T08:30:00+01:00",
        },
        "relationship": {
            "since": "1990-05-01",
            "segment": "affluent",
            "sourcesOfWealth": ["business", "inheritance"],
            "totalWealth": 2000000,
            "wealthCurrency": "CHF",
            "referredBy": "Conrad Meyer",
            "formerClientNumber": "A-17",
            "notes": "Prefers letters.\nNo calls before ten.",
        },
    }
