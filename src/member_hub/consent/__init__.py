"""What members decide about their information, on record for good, and what every read goes by because of it.

    words, machine     the words and the state machines: what may follow what
    catalogue          the policy pack: what each purpose takes, who receives what, every number
    notice/            publishing notices, showing them, what may be asked, which bit counts
    deciding/          giving, refusing, withdrawing, objecting; whether something may be sent
    history/           the chained events, where each decision stands, receipts, what the clock does
    children/          guardians under 14 and coming of age
    replay/            what channel files told, and what a restored database forgot

Reading goes by bits on the member row, which `history/settling.py` writes and `members/row_gate.py` asks.
"""
