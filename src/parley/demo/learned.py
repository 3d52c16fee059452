"""What the bot has learnt of the demo's articles, kept so that it answers from the first second.

`python -m parley.demo.learned` learns anew (half a minute or so) after articles were changed.
"""

from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from parley.demo import company, knowledge

NAMES = {False: "learned.json", True: "learned_by_meaning.json"}


def learned(by_meaning: bool = False) -> dict[str, Any]:
    """A calibration as the bot keeps it. One that does not fit the articles is simply not used."""
    file = resources.files("parley.demo").joinpath("data", NAMES[by_meaning])
    return dict(msgspec.json.decode(file.read_bytes())) if file.is_file() else {}


def library(by_meaning: bool = False) -> Any:
    """The demo's public articles as the bot reads them; brands are numbered in the order of company.brands()."""
    from parley.ai.encoder import best_engine
    from parley.ai.retrieval import Article, Library

    numbers = {brand.key: str(number) for number, brand in enumerate(company.brands(), 1)}
    articles = [
        Article(a.slug, a.title, a.markdown, a.wordings, numbers[a.brand] if a.brand else None)
        for a in knowledge.articles()
        if a.audience == "public"
    ]
    return Library(articles, engine=best_engine(by_meaning))


def main() -> None:
    from parley.ai.calibration import calibrate

    for by_meaning, name in NAMES.items():
        found = calibrate(library(by_meaning))
        Path(__file__).with_name("data").joinpath(name).write_bytes(msgspec.json.encode(found.as_dict()))
        print(f"{name}: {len(found.trials)} trials, {found.promise(0.9).answered:.0%} answered at a promise of 90 %.")


if __name__ == "__main__":
    main()
