// The entry: finds out which page this is. Every page works without; here it comes alive.

import { Http } from "./api/http.ts";
import { ChatPage } from "./chatpage.ts";
import { startCharacterForm } from "./features/characters.ts";
import { startExport } from "./features/exports.ts";
import { startImport } from "./features/imports.ts";
import { startMenus } from "./features/menus.ts";
import { startPasskeys } from "./features/passkeys.ts";
import { startBoard } from "./features/quotes.ts";
import { startVoice } from "./features/speaking.ts";
import { startThemes } from "./features/themes.ts";
import { pageCarrier } from "./render/page.ts";

document.documentElement.dataset["enhanced"] = "";
const http = new Http(pageCarrier, (url, init) => fetch(url, init));
startMenus();
startThemes(http);
startPasskeys();
startExport(http);
startImport();
startCharacterForm();
const frame = document.querySelector<HTMLElement>("#chat");
if (frame) new ChatPage(frame, http).start();
if (frame) startVoice(http);
startBoard(http);
