import { problem } from "./problem";

// Whose a session is, and what its task is told of whoever opened it.

/** What a verified token says. */
export type Claims = Readonly<Record<string, unknown>>;

/** Who asks. */
export interface Caller {
    readonly tenant: string;
    readonly claims: Claims;
}

export interface AccessSettings {
    /** The claim that says whose people somebody is of, e.g. `custom:team`. */
    readonly tenantClaim: string;
    /** Environment variables of the task, by the claims of whoever opens it. */
    readonly claimVariables: Readonly<Record<string, string>>;
    /** Environment variables that may be asked for, by the pattern that the whole value must match. */
    readonly bodyVariables: Readonly<Record<string, string>>;
}

/** A tenant; also what stands behind the dot of a key. It is in paths, tags and environments. */
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?";
/** The paths of the API, which no key may take. */
const RESERVED = ["sessions"];
const VALUE_LENGTH = 512;

/** Told to the task's containers; nobody can ask for others under these names. */
export const KEY_VARIABLE = "SESSION_KEY";
export const TENANT_VARIABLE = "SESSION_TENANT";

/** @throws a problem, when the claims name no tenant */
export function callerOf(claims: Claims, { tenantClaim }: AccessSettings): Caller {
    const tenant = text(claims[tenantClaim]);
    if (tenant === undefined) {
        throw problem(
            403,
            "not-yours",
            `The token has no claim "${tenantClaim}", which says whose sessions are yours.`,
        );
    }
    if (!new RegExp(`^${LABEL}$`).test(tenant) || RESERVED.includes(tenant)) {
        throw problem(
            403,
            "not-yours",
            `The token's claim "${tenantClaim}" cannot name sessions: 1 to 64 letters, digits and inner "-" and "_" can.`,
        );
    }
    return { tenant, claims };
}

/**
 * The key of a tenant's session: its own name, or that and a name behind a dot, such as `42` and `42.notebook`.
 *
 * @throws a problem, when the key is another's
 */
export function checkKey({ tenant }: Caller, key: string): string {
    if (!new RegExp(`^${LABEL}(?:\\.${LABEL})?$`).test(key)) {
        throw problem(
            400,
            "bad-request",
            `This is no key of a session: "${tenant}" and "${tenant}.<name>" are, with letters, digits and inner "-" and "_".`,
        );
    }
    if (key.split(".")[0] !== tenant) {
        throw problem(403, "not-yours", `Yours are "${tenant}" and "${tenant}.<name>".`);
    }
    return key;
}

/**
 * The environment of a task: by the claims of whoever opens it, and by what the request's body asks for.
 *
 * @throws a problem, when it asks for what is not allowed by name
 */
export function environmentFor(
    { tenant, claims }: Caller,
    key: string,
    asked: unknown,
    settings: AccessSettings,
): Record<string, string> {
    const environment: Record<string, string> = {};
    for (const [name, value] of Object.entries(askedVariables(asked))) {
        const pattern = Object.hasOwn(settings.bodyVariables, name) ? settings.bodyVariables[name] : undefined;
        if (pattern === undefined) {
            const allowed = Object.keys(settings.bodyVariables).join(", ") || "none";
            throw problem(400, "bad-request", `environment.${name} is not allowed. Those that are: ${allowed}.`);
        }
        if (typeof value !== "string" || value.length > VALUE_LENGTH || !new RegExp(`^(?:${pattern})$`).test(value)) {
            throw problem(400, "bad-request", `environment.${name} must be text that matches ${pattern}.`);
        }
        environment[name] = value;
    }
    for (const [name, claim] of Object.entries(settings.claimVariables)) {
        const value = text(claims[claim]);
        if (value !== undefined && value.length <= VALUE_LENGTH) {
            environment[name] = value;
        }
    }
    return { ...environment, [KEY_VARIABLE]: key, [TENANT_VARIABLE]: tenant };
}

function askedVariables(asked: unknown): object {
    if (asked === undefined) {
        return {};
    }
    if (typeof asked !== "object" || asked === null || Array.isArray(asked)) {
        throw problem(400, "bad-request", "environment must be an object of texts.");
    }
    return asked;
}

/** A claim as text; API Gateway makes text of numbers, too. */
function text(claim: unknown): string | undefined {
    return typeof claim === "string" && claim !== "" ? claim : typeof claim === "number" ? String(claim) : undefined;
}
