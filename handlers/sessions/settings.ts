import { required } from "../environment";
import type { AccessSettings } from "./access";
import type { RunTaskInput } from "./fargate";
import type { Limits } from "./session";
import type { TokenSettings } from "./token";

export interface SessionSettings {
    /** Of the Sessions component: the tag of its tasks, and what they are started by. */
    readonly name: string;
    readonly tableName: string;
    /** The table of TaskDns: which task has which name. */
    readonly namesTableName: string;
    readonly runTaskInput: RunTaskInput & { readonly taskDefinition: string };
    /** Tags of every task, beside those of its session. */
    readonly tags: Readonly<Record<string, string>>;
    readonly httpsPort: number;
    readonly limits: Limits;
    /** Milliseconds. */
    readonly lifetime: number | undefined;
    readonly taskLifetime: number | undefined;
    readonly warnBefore: number | undefined;
    readonly startWithin: number;
}

export interface DoorSettings extends AccessSettings {
    readonly token: TokenSettings;
    /** Where a browser without a token is sent. */
    readonly signInUrl: string | undefined;
    /** Whether tasks ask for the token, too. */
    readonly handsOnToken: boolean;
}

export function readSessionSettings(): SessionSettings {
    return {
        name: required("SESSIONS_NAME"),
        tableName: required("TABLE_NAME"),
        namesTableName: required("NAMES_TABLE_NAME"),
        runTaskInput: parsed("RUN_TASK_INPUT"),
        tags: parsed("TASK_TAGS"),
        httpsPort: Number(required("HTTPS_PORT")),
        limits: { total: Number(required("MAX_SESSIONS")), perTenant: Number(required("MAX_SESSIONS_PER_TENANT")) },
        lifetime: milliseconds("LIFETIME_SECONDS"),
        taskLifetime: milliseconds("TASK_LIFETIME_SECONDS"),
        warnBefore: milliseconds("WARN_SECONDS"),
        startWithin: Number(required("START_WITHIN_SECONDS")) * 1_000,
    };
}

function milliseconds(name: string): number | undefined {
    const seconds = process.env[name];
    return seconds ? Number(seconds) * 1_000 : undefined;
}

export function readDoorSettings(): DoorSettings {
    return {
        tenantClaim: required("TENANT_CLAIM"),
        claimVariables: parsed("CLAIM_VARIABLES"),
        bodyVariables: parsed("BODY_VARIABLES"),
        token: { issuer: required("ISSUER"), audiences: parsed("AUDIENCES"), jwksUri: required("JWKS_URI") },
        signInUrl: process.env.SIGN_IN_URL || undefined,
        handsOnToken: required("HANDS_ON_TOKEN") === "true",
    };
}

function parsed<T>(name: string): T {
    return JSON.parse(required(name)) as T;
}
