import type { JsonWebKey } from "node:crypto";
import { describeError, failure } from "../failure";
import { load } from "../load";
import type { Claims } from "./access";

// A JSON Web Token (RFC 7519), verified where no authorizer of API Gateway can look: in a cookie.

export interface TokenSettings {
    readonly issuer: string;
    readonly audiences: readonly string[];
    readonly jwksUri: string;
}

type Jwk = JsonWebKey & { readonly kid?: string; readonly use?: string; readonly alg?: string };

/** Clocks differ by so much. */
const SKEW_SECONDS = 60;
/** Keys are asked for again after this, and at once when a token names one that is not known, but not more often than the second says. */
const KEYS_STAY_MILLISECONDS = 10 * 60_000;
const KEYS_YOUNG_MILLISECONDS = 10_000;

const algorithms: Readonly<Record<string, { readonly digest: string; readonly kty: string; readonly crv?: string }>> = {
    RS256: { digest: "sha256", kty: "RSA" },
    ES256: { digest: "sha256", kty: "EC", crv: "P-256" },
};

/** Kept for as long as the function is warm. */
const keys: { uri?: string; at?: number; set?: readonly Jwk[] } = {};

/** The claims of a token that is good. @throws what is wrong with it */
export async function verifyToken(token: string, settings: TokenSettings, now = Date.now()): Promise<Claims> {
    const [head, body, signature, ...rest] = token.split(".");
    if (!head || !body || !signature || rest.length > 0) {
        throw refused("it is no signed JWT");
    }
    const header = decoded(head);
    const algorithm = Object.hasOwn(algorithms, String(header.alg)) ? algorithms[String(header.alg)] : undefined;
    if (algorithm === undefined) {
        throw refused("it is signed neither by RS256 nor by ES256");
    }
    if (header.crit !== undefined) {
        throw refused("it asks for extensions");
    }
    const crypto = load("node:crypto");
    const jwk = await keyFor(settings.jwksUri, header.kid, algorithm, now);
    const isGood = crypto.verify(
        algorithm.digest,
        Buffer.from(`${head}.${body}`),
        { key: crypto.createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" },
        Buffer.from(signature, "base64url"),
    );
    if (!isGood) {
        throw refused("its signature is not the issuer's");
    }
    const claims = decoded(body);
    checkClaims(claims, settings, now / 1_000);
    return claims;
}

function checkClaims(claims: Claims, { issuer, audiences }: TokenSettings, seconds: number): void {
    // Cognito's access tokens name the client in `client_id`, and have no audience; API Gateway takes either.
    const audience = claims.aud ?? claims.client_id;
    const named = (Array.isArray(audience) ? audience : [audience]) as unknown[];
    if (claims.iss !== issuer) {
        throw refused("it is another issuer's");
    }
    if (!named.some((name) => audiences.includes(String(name)))) {
        throw refused("it is for another audience");
    }
    if (typeof claims.exp !== "number" || claims.exp + SKEW_SECONDS <= seconds) {
        throw refused("it has expired");
    }
    if (typeof claims.nbf === "number" && claims.nbf - SKEW_SECONDS > seconds) {
        throw refused("it is not valid yet");
    }
}

async function keyFor(uri: string, kid: unknown, { kty, crv }: (typeof algorithms)[string], now: number): Promise<Jwk> {
    const find = () =>
        keys.set?.find(
            (jwk) =>
                jwk.kty === kty &&
                jwk.crv === crv &&
                (jwk.use === undefined || jwk.use === "sig") &&
                (kid === undefined || jwk.kid === kid),
        );
    const age = keys.uri === uri && keys.at !== undefined ? now - keys.at : Infinity;
    if (age > KEYS_STAY_MILLISECONDS || (find() === undefined && age > KEYS_YOUNG_MILLISECONDS)) {
        Object.assign(keys, { uri, at: now, set: await fetchKeys(uri) });
    }
    const jwk = find();
    if (jwk === undefined) {
        throw refused("its key is not one of the issuer's");
    }
    return jwk;
}

async function fetchKeys(uri: string): Promise<readonly Jwk[]> {
    try {
        const response = await fetch(uri, { signal: AbortSignal.timeout(5_000), redirect: "error" });
        const { keys: set } = (await response.json()) as { keys?: Jwk[] };
        if (!response.ok || !Array.isArray(set)) {
            throw failure("KeysUnavailable", `status ${response.status}`);
        }
        return set;
    } catch (error) {
        throw failure("KeysUnavailable", `The issuer's keys cannot be read from ${uri}: ${describeError(error)}`);
    }
}

function decoded(part: string): Record<string, unknown> {
    try {
        return JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
    } catch {
        throw refused("it is no signed JWT");
    }
}

function refused(reason: string): Error {
    return failure("TokenRefused", `The token is refused: ${reason}.`);
}
