"""Getting back into an account. Nothing is said of whether there is one; a locked one goes to a person."""

from parley.core.procedure import Facts, Need, Procedure, Rule, Tell

TROUBLES = ("I forgot my password", "No mail with a link comes", "My account is locked")
WORDS = {
    TROUBLES[0]: "On the sign-in page, choose “Forgot password” and give the address you registered with. A link comes"
    " by mail; it is good once. I never ask for a password: type it nowhere but there.",
    TROUBLES[1]: "Look into the spam folder, and check that it is the address you registered with: to any other no link"
    " is sent. It can take ten minutes. Ask for one link only, since each makes those before it worthless.",
}
LOCKED = "A locked account is opened by a person, who checks first that it is yours."


def password_help() -> Procedure:
    def words(f: Facts) -> str:
        return WORDS[f["trouble"]]

    return Procedure(
        name="password_help",
        version=1,
        title="Help somebody back into their account",
        wish="cannot get into the account",
        asked_by=("password",),
        skill="account",
        steps=(
            Need("trouble", "What happens when you try?", TROUBLES),
            Rule(
                "the account is not locked",
                lambda f: f["trouble"] in WORDS,
                LOCKED,
                person=True,
                advice="Check who they are with a code, then open the account and tell them how to set a new password.",
            ),
            Tell(words),
        ),
    )
