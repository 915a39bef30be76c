"""A long Markdown answer, made up of everything that answers contain; `author` writes it, `browser` reads it."""

import random
from itertools import cycle

WORDS = (
    "the a light harbour captain promise letter night evening stage voice answer question memory river winter "
    "window between under after because slowly never always carries remembers returns forgets listens writes "
    "opens small quiet bright distant honest careful"
).split()
# Stands at the very end, so that a reader knows when it is all there.
LAST_WORDS = "This is where the answer ends."

_CODE = {
    "python": (
        "def rehearse(scene: Scene, *, times: int = 3) -> list[Take]:\n"
        '    """Play a scene and keep every take."""\n'
        "    takes = []\n"
        "    for number in range(times):  # the last one counts\n"
        "        takes.append(scene.play(number, mood=0.5 * number))\n"
        "    return takes\n"
    ),
    "javascript": (
        "export async function curtain(lines) {\n"
        "  const seen = new Map();\n"
        "  for await (const { id, text } of lines) {\n"
        "    seen.set(id, `${text.trim()} (${seen.size})`); // in order\n"
        "  }\n"
        "  return [...seen.values()].filter((line) => line.length > 3);\n"
        "}\n"
    ),
    "sql": (
        "SELECT speaker, count(*) AS lines, max(created_at) AS latest\n"
        "  FROM quotes JOIN plays USING (play_id)\n"
        " WHERE applied_at IS NOT NULL AND length(content) > 40\n"
        " GROUP BY speaker HAVING count(*) >= 3 ORDER BY latest DESC;\n"
    ),
    "bash": (
        "set -euo pipefail\n"
        "for scene in scenes/*.md; do\n"
        '  printf "%s\\t%d words\\n" "$scene" "$(wc -w < "$scene")"\n'
        "done | sort -k2 -n | tail -n 5   # the longest ones\n"
    ),
}
_FORMULAS = (
    r"$e^{i\pi} + 1 = 0$",
    r"$\sum_{k=1}^{n} k = \frac{n(n+1)}{2}$",
    r"$\int_0^1 x^2 \, dx = \tfrac13$",
)


def essay(characters: int = 50_000) -> str:
    """The same Markdown each time, of at least so many characters and one section more at most."""
    chance = random.Random(7)
    codes, formulas = cycle(_CODE), cycle(_FORMULAS)
    parts: list[str] = []
    while sum(map(len, parts)) < characters:
        parts.append(_section(chance, len(parts) + 1, next(codes), next(formulas)))
    return "".join(parts) + LAST_WORDS


def _section(chance: random.Random, number: int, language: str, formula: str) -> str:
    return "\n\n".join(
        (
            f"## {number}. {_sentence(chance, 4)}",
            _paragraph(chance, 5),
            f"> {_sentence(chance, 14)}",
            "\n".join(f"- **{_sentence(chance, 2)}** {_sentence(chance, 9)}" for _ in range(4)),
            f"As {formula} shows, {_paragraph(chance, 2)}",
            f"```{language}\n{_CODE[language]}```",
            _table(chance),
            "\n".join(f"{n}. {_sentence(chance, 8)} `{chance.choice(WORDS)}()`" for n in range(1, 4)),
            _paragraph(chance, 4),
            "",
        )
    )


def _table(chance: random.Random) -> str:
    rows = [[_sentence(chance, 2) for _ in range(3)] for _ in range(4)]
    lines = ["| Speaker | Play | Line |", "|---|:--:|---|", *("| " + " | ".join(row) + " |" for row in rows)]
    return "\n".join(lines)


def _paragraph(chance: random.Random, sentences: int) -> str:
    return " ".join(_sentence(chance, chance.randint(7, 16)) for _ in range(sentences))


def _sentence(chance: random.Random, words: int) -> str:
    said = [chance.choice(WORDS) for _ in range(words)]
    if words > 6:
        said[3] = f"*{said[3]}*"
    return " ".join(said).capitalize() + "."
