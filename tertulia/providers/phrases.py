"""What the offline model says of itself, in the five languages; used by `offline` alone.

Not part of the translation catalogues: an answer follows the language of the question, not that of
the interface.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """`quoted` takes a text; `mine` stands for the speaker of the user's own earlier messages."""

    found: str
    nothing: str
    connect: str
    quoted: str
    mine: str


PHRASES: dict[str, Phrases] = {
    "en": Phrases(
        found="No language model is connected, so nobody is writing this. These are the closest lines found:",
        nothing="No language model is connected, and I found no line that fits your words.",
        connect="I can only look up lines. To connect a model, the operator sets `OPENAI_API_KEY`, "
        "or `OPENAI_BASE_URL` for any compatible server, and starts Tertulia again.",
        quoted="“{}”",
        mine="You, earlier",
    ),
    "es": Phrases(
        found="No hay ningún modelo de lenguaje conectado, así que nadie redacta esto. "
        "Estas son las líneas más cercanas que encontré:",
        nothing="No hay ningún modelo de lenguaje conectado, y no encontré ninguna línea que responda "
        "a tus palabras.",
        connect="Solo puedo buscar líneas. Para conectar un modelo, quien administra el servidor define "
        "`OPENAI_API_KEY`, o `OPENAI_BASE_URL` para cualquier servidor compatible, y reinicia Tertulia.",
        quoted="«{}»",
        mine="Tú, antes",
    ),
    "zh": Phrases(
        found="目前没有连接语言模型，所以这不是模型写的回答。下面是找到的最接近的台词：",
        nothing="目前没有连接语言模型，也没有找到与您的话相符的台词。",
        connect="我只能查找台词。要连接模型，请由管理员设置 `OPENAI_API_KEY`，"
        "或为任何兼容的服务器设置 `OPENAI_BASE_URL`，然后重新启动 Tertulia。",
        quoted="“{}”",
        mine="您之前说过",
    ),
    "ko": Phrases(
        found="연결된 언어 모델이 없어서 새로 쓴 답이 아닙니다. 찾아낸 가장 가까운 대사는 다음과 같습니다.",
        nothing="연결된 언어 모델이 없고, 말씀하신 내용에 맞는 대사도 찾지 못했습니다.",
        connect="저는 대사를 찾는 일만 할 수 있습니다. 모델을 연결하려면 관리자가 `OPENAI_API_KEY`를, "
        "또는 호환 서버라면 `OPENAI_BASE_URL`을 설정하고 Tertulia를 다시 시작하면 됩니다.",
        quoted="“{}”",
        mine="이전에 하신 말씀",
    ),
    "ru": Phrases(
        found="Языковая модель не подключена, поэтому этот ответ никто не сочинял. "
        "Вот самые близкие найденные реплики:",
        nothing="Языковая модель не подключена, и подходящей к вашим словам реплики не нашлось.",
        connect="Я умею только искать реплики. Чтобы подключить модель, администратор задаёт "
        "`OPENAI_API_KEY` или `OPENAI_BASE_URL` для любого совместимого сервера и перезапускает Tertulia.",
        quoted="«{}»",
        mine="Вы, ранее",
    ),
}
