import type { Request, Response } from "express";
import { sessionMs } from "./session.ts";

/**
 * The cookie that carries the session token: out of reach of scripts and never sent from another site. Over HTTPS its name
 * has the `__Host-` prefix, with which a browser refuses one planted by a sister domain.
 */
export class SessionCookie {
  readonly #alwaysSecure: boolean;

  /** `alwaysSecure`: the dashboard is known to be reached by HTTPS; otherwise each request tells. */
  constructor(alwaysSecure: boolean) {
    this.#alwaysSecure = alwaysSecure;
  }

  read(req: Request): string | undefined {
    const wanted = `${this.#name(req)}=`;
    const pairs = (req.headers.cookie ?? "").split(";").map((pair) => pair.trim());
    return pairs.find((pair) => pair.startsWith(wanted))?.slice(wanted.length);
  }

  write(req: Request, res: Response, token: string): void {
    res.cookie(this.#name(req), token, { ...this.#flags(req), maxAge: sessionMs });
  }

  clear(req: Request, res: Response): void {
    res.clearCookie(this.#name(req), this.#flags(req));
  }

  #name(req: Request): string {
    return this.#isSecure(req) ? "__Host-nightshift" : "nightshift";
  }

  #flags(req: Request) {
    return { httpOnly: true, sameSite: "strict", path: "/", secure: this.#isSecure(req) } as const;
  }

  /** A client that lies about the protocol only keeps its own cookie from coming back. */
  #isSecure(req: Request): boolean {
    return this.#alwaysSecure || req.secure || req.get("X-Forwarded-Proto")?.split(",")[0]?.trim() === "https";
  }
}
