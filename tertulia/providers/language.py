"""Guesses which of the five interface languages a short text is in; used by the offline model."""

import re
from collections import Counter

LANGUAGES = ("en", "zh", "es", "ko", "ru")

_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_LATIN = re.compile(r"[a-zà-öø-ÿ]", re.IGNORECASE)
_SPANISH_MARKS = re.compile(r"[ñáéíóú¿¡]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")

# An East Asian character carries about as much as a third of a word: "OpenAI 키는 어디에" is Korean.
_DENSE_WEIGHT = 3

STOP_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset(
        "a about all am an and any anything are as at be been but by can could did do does for from get give "
        "had has have he hello her hi him his how i if in into is it its just know like line lines many me "
        "more much my no not of on one or our out please quote quotes say says she should so some something "
        "tell than thank thanks that the their them then there they thing things think this to up us very "
        "was we were what when where which who why will with would you your".split()
    ),
    "es": frozenset(
        "a acerca al algo algún alguna algunas alguno algunos como cómo con cual cuál cuando cuándo cuánto da "
        "dame de del desde di dice dime donde dónde el él ella ellos en entre era eres es esa ese eso esta "
        "está estas este esto estos frase frases fue gracias ha habla hablame háblame hacer hay hola la las "
        "le les lo los más me mi mí mis muy nada ni no nos o para pero por porque puede puedes que qué quién "
        "quiero sabes se ser si sí sin sobre son soy su sus también te tengo ti tiene tu tú tus un una unas "
        "uno unos y ya yo".split()
    ),
    "ru": frozenset(
        "а без бы был была были было быть в вам вас вот все всё вы где да для до его ее её если есть еще ещё "
        "ж же за и из или им их к как какая какие какой когда кто ли мне меня мой моя мы на над нам нас не "
        "него нее неё нет ни них но о об он она они от по под почему при привет про с сказать скажи скажите "
        "со спасибо так также там твой тебе тебя то того тоже только тот ты у уже хочу чего чем что чтобы "
        "это этот эта эти я расскажи говорит говорят говорил говорила говорили сказал сказала сказали реплика "
        "реплику реплики реплик фраза фразу фразы цитата цитату цитаты найди".split()
    ),
    "zh": frozenset(
        "什么 怎么 怎样 如何 为什 哪里 哪个 你好 您好 请问 我们 你们 他们 这个 那个 可以 一下 关于 告诉 诉我 "
        "知道 说说 一个 有没 没有 是不 不是 谢谢 台词 哪一 一句 句台 句话 谁说 吗 呢 吧 的 了 是 "
        "么 什 我 你 他 她".split()
    ),
    "ko": frozenset(
        "안녕 녕하 하세 세요 무엇 뭐야 뭐가 뭐예 예요 이에 에요 입니 니다 니까 습니 합니 하는 하고 해줘 주세 "
        "알려 려줘 려주 말해 해주 어떤 어떻 떻게 대해 대한 해서 에서 에게 으로 이다 있어 있나 나요 까요 인가 "
        "가요 감사 사합 그리 리고 대사 사가 사를 사는 명대".split()
    ),
}


def detect_language(text: str, fallback: str) -> str:
    """One of LANGUAGES. `fallback` is a BCP 47 tag, used where the text does not decide."""
    dense = {"ko": len(_HANGUL.findall(text)), "zh": len(_HAN.findall(text))}
    weights = Counter({language: count * _DENSE_WEIGHT for language, count in dense.items()})
    if dense["ko"]:
        weights["zh"] = 0  # Korean text may hold Han characters, Chinese holds no Hangul
    weights["ru"] = len(_CYRILLIC.findall(text))
    weights["latin"] = len(_LATIN.findall(text))
    script, weight = weights.most_common(1)[0]
    if weight == 0:
        return _supported(fallback)
    return _latin_language(text, fallback) if script == "latin" else script


def _latin_language(text: str, fallback: str) -> str:
    words = [word.lower() for word in _WORD.findall(text)]
    spanish = sum(word in STOP_WORDS["es"] for word in words) + 2 * bool(_SPANISH_MARKS.search(text))
    english = sum(word in STOP_WORDS["en"] for word in words)
    if spanish == english:
        return "es" if _supported(fallback) == "es" else "en"
    return "es" if spanish > english else "en"


def _supported(tag: str) -> str:
    primary = tag.lower().partition("-")[0]
    return primary if primary in LANGUAGES else "en"
