// A refusal by the server (problem JSON, RFC 9457), and the failure to reach it at all.

export class Problem extends Error {
  readonly status: number;
  readonly slug: string;
  /** Sentences by the field at fault. */
  readonly errors: Readonly<Record<string, readonly string[]>>;

  /** Seconds until it is worth trying again; null where the server does not say. */
  readonly retryAfter: number | null;
  /** Where a second factor is asked for: what to send back with the code. */
  readonly challenge: string;

  constructor(
    status: number,
    slug: string,
    detail: string,
    errors: Record<string, string[]> = {},
    retryAfter: number | null = null,
    challenge = "",
  ) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.slug = slug;
    this.errors = errors;
    this.retryAfter = retryAfter;
    this.challenge = challenge;
  }

  /** The session has ended: signing in again helps, sending again does not. */
  get isSignedOut(): boolean {
    return this.status === 401 || this.status === 403;
  }

  /** Whether the same request may succeed later without anybody's doing. */
  get isPassing(): boolean {
    return this.status === 503 || this.status === 502 || this.status === 504;
  }
}

/** No answer came: the network, or the server is restarting. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("unreachable", { cause });
    this.name = "Unreachable";
  }
}

/** The problem that a response with an error status carries. */
export async function problemOf(response: Response): Promise<Problem> {
  let body: { type?: unknown; detail?: unknown; title?: unknown; errors?: unknown; challenge?: unknown } = {};
  try {
    body = (await response.json()) as typeof body;
  } catch {
    // A proxy's page, or a connection cut short: the status says enough.
  }
  const slug = typeof body.type === "string" ? body.type : "";
  const detail = [body.detail, body.title].find((text) => typeof text === "string") ?? "";
  const errors = (body.errors ?? {}) as Record<string, string[]>;
  const wait = Number(response.headers.get("Retry-After") ?? NaN);
  const challenge = typeof body.challenge === "string" ? body.challenge : "";
  return new Problem(response.status, slug, String(detail), errors, Number.isFinite(wait) ? wait : null, challenge);
}
