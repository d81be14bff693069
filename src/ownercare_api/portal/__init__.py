"""业主端: what an owner who is logged in sees and does, and nothing that is not his.

His own record and homes, his cases, the repairs in his home, the questionnaires put to him, and who looked at his data.
A case is his where it is in his name, for ever; or where it is about a home that he has now and was received while he
had it. What belongs to somebody else is 404 like what does not exist. Internal facts (who handles a case, what it
costs, why somebody is liable) are not here; what he was told is.
"""
