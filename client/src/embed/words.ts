// The words of the chat on a foreign page, which the server gives in the reader's language (web/embed.py).

import type { Words } from "../words.ts";

export interface EmbedWords extends Words {
  conversation: string;
  newConversation: string;
  messages: string;
  placeholder: string;
  send: string;
  stop: string;
  you: string;
  thoughts: string;
  sources: string;
  earlier: string;
  resumeAnswer: string;
  again: string;
  interrupted: string;
  stoppedAnswer: string;
  failed: string;
  email: string;
  password: string;
  nickname: string;
  code: string;
  signIn: string;
  signOut: string;
  join: string;
  joinInstead: string;
  signInInstead: string;
  codeHint: string;
  unreachable: string;
  /** The language that all this is in. */
  language: string;
  /** Whether anybody may join. */
  mayJoin: boolean;
}
