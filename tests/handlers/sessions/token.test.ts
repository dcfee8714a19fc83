import { createHmac, createPublicKey, generateKeyPairSync, sign, type JsonWebKey, type KeyObject } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { expect } from "chai";

import { verifyToken, type TokenSettings } from "../../../handlers/sessions/token";

const now = 1_800_000_000;
const good = { iss: "https://issuer.example", aud: "boards", exp: now + 600, "custom:team": "42" };

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a token", () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
    let server: Server;
    let settings: TokenSettings;
    let keys: JsonWebKey[];
    let asked = 0;

    const jwk = (key: KeyObject, kid: string): JsonWebKey => ({ ...key.export({ format: "jwk" }), kid, use: "sig" });

    before(async () => {
        server = createServer((_, response) => {
            asked++;
            response.end(JSON.stringify({ keys }));
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    });
    beforeEach(() => {
        keys = [jwk(rsa.publicKey, "rsa"), jwk(ec.publicKey, "ec")];
        // Another address each time: what is kept of the last one is not taken for it.
        const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${Math.random()}`;
        settings = { issuer: good.iss, audiences: ["boards", "games"], jwksUri: uri };
    });
    after(() => server.close());

    function token(claims: object, header: object = {}, key: KeyObject = rsa.privateKey): string {
        const text = `${encode({ alg: "RS256", kid: "rsa", ...header })}.${encode(claims)}`;
        return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
    }

    const verdict = async (text: string): Promise<unknown> =>
        verifyToken(text, settings, now * 1_000).catch((error: Error) => `${error.name}: ${error.message}`);

    it("is taken when it is the issuer's, for us, and of now", async () => {
        expect(await verdict(token(good))).to.deep.equal(good);
        expect(await verdict(token(good, { alg: "ES256", kid: "ec" }, ec.privateKey))).to.deep.equal(good);
        const access = JSON.parse(JSON.stringify({ ...good, aud: undefined })) as object;
        for (const claims of [
            { ...good, aud: ["x", "games"] },
            { ...access, client_id: "boards" },
            { ...good, exp: now - 59 },
        ]) {
            expect(await verdict(token(claims))).to.deep.equal(claims);
        }
    });

    const changed = (text: string): string => {
        const [head, , signature] = text.split(".");
        return [head, encode({ ...good, "custom:team": "7" }), signature].join(".");
    };
    const hmac = (): string => {
        const text = `${encode({ alg: "HS256", kid: "rsa" })}.${encode(good)}`;
        const pem = createPublicKey(rsa.publicKey.export({ format: "pem", type: "spki" })).export({
            format: "pem",
            type: "spki",
        });
        return `${text}.${createHmac("sha256", pem).update(text).digest("base64url")}`;
    };
    const wrong: [string, () => string, string][] = [
        ["expired", () => token({ ...good, exp: now - 60 }), "it has expired"],
        ["without an end", () => token({ ...good, exp: undefined }), "it has expired"],
        ["of later", () => token({ ...good, nbf: now + 61 }), "it is not valid yet"],
        ["of another issuer", () => token({ ...good, iss: "https://issuer.example/" }), "it is another issuer's"],
        ["for another audience", () => token({ ...good, aud: "shop" }), "it is for another audience"],
        ["for nobody", () => token({ ...good, aud: undefined }), "it is for another audience"],
        ["signed by another key", () => token(good, {}, other.privateKey), "its signature is not the issuer's"],
        ["of a key that nobody knows", () => token(good, { kid: "new" }), "its key is not one of the issuer's"],
        ["changed afterwards", () => changed(token(good)), "its signature is not the issuer's"],
        ["unsigned", () => `${encode({ alg: "none" })}.${encode(good)}.`, "it is no signed JWT"],
        [
            "signed by nothing",
            () => `${encode({ alg: "none" })}.${encode(good)}.AA`,
            "it is signed neither by RS256 nor by ES256",
        ],
        ["signed by the public key as a secret", hmac, "it is signed neither by RS256 nor by ES256"],
        [
            "of an algorithm of every object",
            () => token(good, { alg: "constructor" }),
            "it is signed neither by RS256 nor by ES256",
        ],
        [
            "of a key of another kind",
            () => token(good, { alg: "ES256", kid: "rsa" }),
            "its key is not one of the issuer's",
        ],
        ["with critical extensions", () => token(good, { crit: ["b64"] }), "it asks for extensions"],
        ["no token", () => "hello", "it is no signed JWT"],
        ["no JSON", () => "a.b.c", "it is no signed JWT"],
    ];
    wrong.forEach(([what, make, reason]) =>
        it(`is refused when it is ${what}`, async () => {
            expect(await verdict(make())).to.equal(`TokenRefused: The token is refused: ${reason}.`);
        }),
    );

    it("is checked by keys that are kept, and asked for anew when one is not known, but not at every request", async () => {
        asked = 0;
        await verdict(token(good));
        await verdict(token(good));
        expect(asked).to.equal(1);
        const fresh = token(good, { kid: "new" }, other.privateKey);
        keys.push(jwk(other.publicKey, "new"));
        expect(await verdict(fresh)).to.match(/its key is not one/);
        expect(asked).to.equal(1); // they are some moments old
        expect(await verifyToken(fresh, settings, now * 1_000 + 11_000)).to.deep.equal(good);
        expect(asked).to.equal(2);
    });

    it("is not called refused when the keys cannot be read", async () => {
        settings = { ...settings, jwksUri: "http://127.0.0.1:1/" };
        expect(await verdict(token(good))).to.match(
            /^KeysUnavailable: The issuer's keys cannot be read from http:\/\/127.0.0.1:1\//,
        );
    });
});
