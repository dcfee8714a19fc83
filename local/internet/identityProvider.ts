import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** An OpenID provider that vouches for whoever asks: for load balancers and apps that want tokens. */
export interface IdentityProvider {
    readonly issuer: string;
    readonly jwksEndpoint: string;
    /** A token that is good for an hour. The claims are added to `iss`, `iat`, `nbf` and `exp`, or replace them. */
    issueToken(claims?: Readonly<Record<string, unknown>>): Promise<string>;
    stop(): Promise<void>;
}

export interface IdentityProviderOptions {
    readonly hostname?: string;
    readonly address: string;
    readonly port: number;
    /** Of `hostname`, and its key; without one it speaks plain HTTP, and its issuer is its address. */
    readonly certificate?: { readonly certificate: string; readonly privateKey: string };
    /** How it signs tokens (default RS256). */
    readonly algorithm?: "RS256" | "ES256";
    /** Its files are kept in `<directory>/identity-provider`. */
    readonly directory: string;
}

/** `https://<hostname>` is the issuer, whatever port it listens on: its discovery document, keys, token and sign-in endpoints. */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
    const { OAuth2Server } = await import("oauth2-mock-server");
    const folder = join(options.directory, "identity-provider");
    const write = (file: string, text: string): string => {
        writeFileSync(join(folder, file), text, { mode: 0o600 });
        return join(folder, file);
    };
    mkdirSync(folder, { recursive: true });
    const jwksPath = "/.well-known/jwks.json";
    const { certificate: keyPair } = options;
    const server = new OAuth2Server(
        keyPair && write("key.pem", keyPair.privateKey),
        keyPair && write("certificate.pem", keyPair.certificate),
        { endpoints: { jwks: jwksPath } },
    );
    await server.issuer.keys.generate(options.algorithm ?? "RS256");
    await server.start(options.port, options.address);
    // By its name, not by the address and port that it has here.
    const issuer =
        options.hostname === undefined ? `http://${options.address}:${options.port}` : `https://${options.hostname}`;
    server.issuer.url = issuer;
    return {
        issuer,
        jwksEndpoint: issuer + jwksPath,
        issueToken: (claims = {}) =>
            server.issuer.buildToken({ scopesOrTransform: (_header, payload) => void Object.assign(payload, claims) }),
        stop: () => server.stop(),
    };
}
