// The entry: finds out which page this is. Every page works without; here it comes alive.

import { Http } from "./api/http.ts";
import { ChatPage } from "./chatpage.ts";
import { startMenus } from "./features/menus.ts";
import { startThemes } from "./features/themes.ts";
import { pageCsrf } from "./render/page.ts";

document.documentElement.dataset["enhanced"] = "";
const http = new Http(pageCsrf, (url, init) => fetch(url, init));
startMenus();
startThemes(http);
const frame = document.querySelector<HTMLElement>("#chat");
if (frame) new ChatPage(frame, http).start();
