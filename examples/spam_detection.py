"""Sort mail: conversations in, Pydantic objects out. Run `python -m examples.spam_detection`."""

from pydantic import BaseModel

from batchata import batch
from examples.place import MODEL, api_or_simulator

MAILS = (
    "You have been chosen! Click here within 24 hours to claim your $1,000 gift card.",
    "The budget meeting moves to 3 pm tomorrow, same room. Please bring last month's figures.",
    "FINAL NOTICE: your parcel is held. Pay the customs fee of $2.99 through this link.",
    "Thanks for the draft. I have two comments on section 4 and would send it on Friday.",
)


class Verdict(BaseModel):
    is_spam: bool
    confidence: float
    reason: str


def main() -> None:
    job = batch(
        messages=[[{"role": "user", "content": f"Is this mail spam?\n\n{mail}"}] for mail in MAILS],
        model=MODEL,
        response_model=Verdict,
    )
    for record in job.outcomes():
        print(MAILS[record.index][:60], "...")
        print("   ", record.result or record.reason)


if __name__ == "__main__":
    with api_or_simulator():
        main()
