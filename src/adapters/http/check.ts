// Asks an HTTP API for one page, with the connection's credentials; by OAuth 2.0 that gets a token, too.
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import type { Auth, HttpSettings } from "../../connect/http.ts";
import { openClient } from "./client.ts";
import { httpTools, sourceFaults } from "./request.ts";

const whose: Readonly<Record<Auth["by"], string>> = {
  bearer: "a bearer token",
  basic: "a user with a password",
  header: "a key in a header",
  oauth2: "an OAuth 2.0 client",
};

/** Checks connections of the vendor "http". */
export const checkHttp: ConnectionCheck = async (connection, context) => {
  const settings = connection.settings as unknown as HttpSettings;
  // Whoever checks is waiting for the answer, and can ask again.
  const impatient = {
    ...settings,
    retry: { ...settings.retry, limit: 0 },
    rateLimit: { ...settings.rateLimit, maxWaitMs: 0 },
    timeoutMs: Math.min(settings.timeoutMs, 15_000),
  };
  const client = openClient({ ...connection, settings: impatient as never }, context, sourceFaults, httpTools);
  try {
    const path = settings.checkPath;
    const answer = await client.send({
      method: "GET",
      url: client.address(path ?? "", {}),
      headers: client.headers({}),
      body: null,
      // Few APIs have anything at their base: that something answers is what can be told of it.
      accepts: (status) => (status >= 200 && status < 300) || (path === null && ![401, 403].includes(status)),
      maxBytes: 16 * 1024 * 1024,
      hint: null,
    });
    const proven = answer.status < 300 && path !== null;
    return {
      server: `${client.show(answer.url)} answers ${answer.status}`,
      as: settings.auth === null ? null : whose[settings.auth.by],
      reads: proven ? true : null,
      writes: null,
    };
  } finally {
    client.close();
  }
};
