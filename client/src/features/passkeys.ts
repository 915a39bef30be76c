// Passkeys: the form carries what the device is asked for, and is sent with the device's answer in one of its fields.

import { need } from "../render/dom.ts";

type Ask = (options: string) => Promise<Credential | null>;

/** The two ceremonies of WebAuthn, each with the options as the server wrote them. */
const ASK: Readonly<Record<string, Ask>> = {
  create: (options) =>
    navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(options)) }),
  get: (options) =>
    navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(options)) }),
};

export function startPasskeys(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-device]");
  if (!form || !isPossible()) return;
  form.hidden = false;
  need("[data-device-missing]").hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void answer(form);
  });
}

/** Only secure pages of browsers from 2023 on; on others the page says so. */
function isPossible(): boolean {
  return typeof PublicKeyCredential !== "undefined" && "parseCreationOptionsFromJSON" in PublicKeyCredential;
}

async function answer(form: HTMLFormElement): Promise<void> {
  const { device, options } = form.dataset;
  const refused = need("[data-device-refused]", form);
  refused.hidden = true;
  try {
    const credential = await ASK[device ?? ""]?.(options ?? "");
    if (!(credential instanceof PublicKeyCredential)) throw new TypeError("no passkey");
    need<HTMLInputElement>("[name=answer]", form).value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch {
    // Called off, timed out, or no passkey for this site: browsers do not tell which, so that pages cannot pry.
    refused.hidden = false;
  }
}
