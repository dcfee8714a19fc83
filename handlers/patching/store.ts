import type { S3Client } from "@aws-sdk/client-s3";
import { call, clientSettings } from "../calls";
import { readJsonObject } from "../jsonObject";
import { load } from "../load";
import { REPORT_OBJECT, RETIREMENT_OBJECTS, STATE_OBJECT } from "../patchingNames";
import type { Retirement } from "./baseline";
import { noState, type PatchingState } from "./plan";
import type { PatchReport } from "./report";

// What a run leaves to the next and to people, in the bucket. It holds no secret.

export interface Store {
    readonly state: PatchingState;
    readonly retirements: readonly Retirement[];
    /** @throws PreconditionFailed when another run has kept its own in between */
    keep(state: PatchingState): Promise<void>;
    note(retirement: Retirement): Promise<void>;
    publish(report: PatchReport): Promise<void>;
}

export async function openStore(bucket: string, deadline: number): Promise<Store> {
    const { S3Client } = load("@aws-sdk/client-s3");
    const s3 = new S3Client(clientSettings());
    const kept = await readJsonObject<PatchingState>(s3, bucket, STATE_OBJECT, deadline);
    let { eTag } = kept;
    const put = (key: string, document: object, condition: object = {}) => {
        const { PutObjectCommand } = load("@aws-sdk/client-s3");
        const Body = JSON.stringify(document, undefined, 4);
        const command = new PutObjectCommand({
            ...{ Bucket: bucket, Key: key, ContentType: "application/json", Body },
            ...condition,
        });
        // Once: a write whose answer was lost is refused when it is made again, and this run ends. The next one looks anew.
        return call(`s3:PutObject of ${bucket}/${key}`, deadline, () => s3.send(command), "once");
    };
    return {
        state: { ...noState, ...kept.document },
        retirements: await readRetirements(s3, bucket, deadline),
        async keep(state) {
            const condition = eTag === undefined ? { IfNoneMatch: "*" } : { IfMatch: eTag };
            eTag = (await put(STATE_OBJECT, state, condition)).ETag;
        },
        async note(retirement) {
            await put(`${RETIREMENT_OBJECTS}${retirement.id}.json`, retirement);
        },
        async publish(report) {
            await put(REPORT_OBJECT, report);
        },
    };
}

/** Notices are few, and the bucket forgets them after a while. */
async function readRetirements(s3: S3Client, bucket: string, deadline: number): Promise<Retirement[]> {
    const { ListObjectsV2Command } = load("@aws-sdk/client-s3");
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: RETIREMENT_OBJECTS });
    const { Contents = [] } = await call(`s3:ListObjectsV2 of ${bucket}`, deadline, () => s3.send(command));
    const found = await Promise.all(
        Contents.map(({ Key = "" }) => readJsonObject<Retirement>(s3, bucket, Key, deadline)),
    );
    return found.flatMap(({ document }) => (document.id === undefined ? [] : [document as Retirement]));
}
