import type { S3Client } from "@aws-sdk/client-s3";
import { call, clientSettings } from "../calls";
import { describeError, failure } from "../failure";
import { readJsonObject } from "../jsonObject";
import { load } from "../load";
import { log } from "../log";
import type { ChallengeValue } from "./challengeRecords";
import type { RenewalInfo } from "./renewalInfo";

// What a run leaves to the next, in one object of the bucket. It holds no secret. Only who has the lease in it may renew, and each write
// is refused by S3 when somebody else wrote in between.

/** What went wrong, and since when. Dates are texts of ISO 8601. */
export interface Trouble {
    readonly since: string;
    /** The error's name. */
    readonly name: string;
    readonly message: string;
    /** Of the authority's problem. */
    readonly type?: string;
    /** The days left that people were told last. */
    readonly toldDays: number;
}

export interface RenewalState {
    /** What the certificate is to be made from; when that changes, what failed before says nothing any more. */
    readonly madeFrom?: string;
    /** An order is under way: the parameter tells which. */
    readonly ordering?: boolean;
    /** How often in a row the authority did not give a certificate. */
    readonly failures?: number;
    /** No order before this. */
    readonly nextAttempt?: string;
    readonly trouble?: Trouble;
    readonly renewalInfo?: RenewalInfo;
    /** Values that may still stand in the zone. */
    readonly challenges?: readonly ChallengeValue[];
    /** Where which certificate stands with its key encrypted: bucket and serial number. */
    readonly sealed?: string;
    /** Serial number of a certificate that was revoked. */
    readonly revoked?: string;
    /** Who is at it, and until when at most. */
    readonly lease?: { readonly holder: string; readonly until: string };
}

export interface StateStore {
    /** As it was left, and as it is kept from then on. */
    readonly state: RenewalState;
    /** Why it cannot be kept, if so: renewing goes on without it. */
    readonly fault?: string;
    keep(changes: RenewalState): Promise<void>;
    /** Keeps the changes and lets the next run begin. */
    release(changes: RenewalState): Promise<void>;
}

const KEY = "state.json";

/** Takes the lease, or says until when another run has it. */
export async function openState(
    bucketName: string,
    holder: string,
    until: number,
    deadline: number,
): Promise<StateStore | { readonly busyUntil: string }> {
    const { S3Client } = load("@aws-sdk/client-s3");
    const s3 = new S3Client(clientSettings());
    const lease = { holder, until: new Date(until).toISOString() };
    let state: RenewalState = {};
    let eTag: string | undefined;
    let fault: string | undefined;

    const whileKept = async (step: () => Promise<void>) => {
        if (fault !== undefined) {
            return;
        }
        try {
            await step();
        } catch (error) {
            if (isConflict(error)) {
                throw error;
            }
            // What is kept makes renewing gentle; without it, it goes on all the same.
            fault = describeError(error);
            log("error", "the state of the renewal cannot be kept", { reason: fault });
        }
    };
    const write = async (changes: RenewalState) => {
        state = { ...state, ...changes };
        await whileKept(async () => {
            eTag = await put(s3, bucketName, state, eTag, deadline);
        });
    };
    const rewrite = async (changes: RenewalState) => {
        try {
            await write(changes);
        } catch {
            throw failure("LeaseLost", `Another run has taken over: it wrote ${bucketName}/${KEY} in between.`);
        }
    };

    for (let tries = 1; ; tries++) {
        try {
            await whileKept(async () => {
                ({ document: state, eTag } = await readJsonObject<RenewalState>(s3, bucketName, KEY, deadline));
            });
            const other = state.lease;
            if (other !== undefined && other.holder !== holder && Date.parse(other.until) > Date.now()) {
                return { busyUntil: other.until };
            }
            await write({ lease });
            break;
        } catch (error) {
            // Another run took the lease at the same moment, or this one did and the answer was lost: look again.
            if (tries === 5) {
                throw error;
            }
        }
    }
    return {
        get state() {
            return state;
        },
        get fault() {
            return fault;
        },
        keep: (changes) => rewrite({ ...changes, lease }),
        release: (changes) => rewrite({ ...changes, lease: undefined }),
    };
}

/** The state as it is kept, for whoever only wants to know. */
export async function readState(bucketName: string, deadline: number): Promise<RenewalState> {
    const { S3Client } = load("@aws-sdk/client-s3");
    return (await readJsonObject<RenewalState>(new S3Client(clientSettings()), bucketName, KEY, deadline)).document;
}

function isConflict(error: unknown): boolean {
    return /^(PreconditionFailed|ConditionalRequestConflict)$/.test((error as Error).name);
}

/** Writes the object if it is still the one with this ETag, or still not there; answers its new ETag. */
async function put(
    s3: S3Client,
    bucketName: string,
    state: RenewalState,
    eTag: string | undefined,
    deadline: number,
): Promise<string | undefined> {
    const { PutObjectCommand } = load("@aws-sdk/client-s3");
    const Body = JSON.stringify(state, undefined, 4);
    const command = new PutObjectCommand({
        Bucket: bucketName,
        Key: KEY,
        ContentType: "application/json",
        Body,
        ...(eTag === undefined ? { IfNoneMatch: "*" } : { IfMatch: eTag }),
    });
    try {
        return (await call(`s3:PutObject of ${bucketName}/${KEY}`, deadline, () => s3.send(command))).ETag;
    } catch (error) {
        if (isConflict(error)) {
            // A try whose answer was lost may have been this one's own.
            const kept = await readJsonObject<RenewalState>(s3, bucketName, KEY, deadline);
            if (JSON.stringify(kept.document, undefined, 4) === Body) {
                return kept.eTag;
            }
        }
        throw error;
    }
}
