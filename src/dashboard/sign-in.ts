import express, { type Request, type Response, Router } from "express";
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import type { Audit } from "../access/audit.ts";
import type { KeyStore } from "../access/keys.ts";
import { signInPage } from "./page.ts";
import { admit } from "./roles.ts";
import type { Sessions } from "./session.ts";
import type { SessionCookie } from "./session-cookie.ts";
import { SignInLimit } from "./sign-in-limit.ts";

const attemptsPerMinute = 10;

/** `GET /sign-in` shows the door, `POST /sign-in` opens it to a key that may see the dashboard. */
export function signIn(options: {
  keys: Pick<KeyStore, "verify">;
  sessions: Sessions;
  cookie: SessionCookie;
  audit: Audit;
  clock: Clock;
  log: Log;
  /** Where to go when nothing else was asked for. */
  home: string;
}): Router {
  const { keys, sessions, cookie, audit, clock, log, home } = options;
  const limit = new SignInLimit(attemptsPerMinute, clock);

  const refuse = (req: Request, res: Response, status: number, refusal: string) => {
    log.warn({ status }, "sign_in.refused");
    res.status(status).send(signInPage({ next: localPath(req.body?.next, home), refusal }));
  };

  return Router()
    .get("/sign-in", (req, res) => {
      res.send(signInPage({ next: localPath(req.query.next, home) }));
    })
    .post("/sign-in", express.urlencoded({ extended: false, limit: "4kb", parameterLimit: 4 }), async (req, res) => {
      const waitMs = limit.take(req.ip ?? "");
      if (waitMs > 0) {
        const waitSeconds = Math.ceil(waitMs / 1_000);
        res.set("Retry-After", String(waitSeconds));
        return refuse(req, res, 429, `Too many attempts from your address. Try again in ${waitSeconds} seconds.`);
      }
      const key = typeof req.body?.key === "string" ? req.body.key.trim() : "";
      const principal = key === "" ? null : await keys.verify(key);
      if (!principal) return refuse(req, res, 401, "No such key, or it was revoked. Check that it was copied whole.");
      const visitor = admit(principal);
      if ("refusal" in visitor) return refuse(req, res, 403, visitor.refusal);

      await audit.record({
        actor: visitor.keyId,
        action: "session.begin",
        subject: "session",
        details: { role: visitor.role },
      });
      await sessions.end(cookie.read(req));
      cookie.write(req, res, await sessions.begin(visitor));
      log.info({ keyId: visitor.keyId, role: visitor.role }, "sign_in.accepted");
      res.redirect(303, localPath(req.body.next, home));
    });
}

/** Only paths of this dashboard: an address elsewhere (`//evil`, `/\evil`) would make the door a tool of phishers. */
function localPath(wanted: unknown, home: string): string {
  return typeof wanted === "string" && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(wanted) ? wanted : home;
}
