import type { S3Client } from "@aws-sdk/client-s3";
import { call } from "./calls";
import { load } from "./load";

/** A document that runs leave to each other in a bucket. Nothing is in it when there is none, or somebody broke it: whoever keeps it begins anew. */
export async function readJsonObject<T extends object>(
    s3: S3Client,
    bucket: string,
    key: string,
    deadline: number,
): Promise<{ readonly document: Partial<T>; readonly eTag: string | undefined }> {
    const { GetObjectCommand } = load("@aws-sdk/client-s3");
    const command = new GetObjectCommand({ Bucket: bucket, Key: key });
    try {
        return await call(`s3:GetObject of ${bucket}/${key}`, deadline, async () => {
            const { Body, ETag } = await s3.send(command);
            return { document: parse<T>((await Body?.transformToString()) ?? ""), eTag: ETag };
        });
    } catch (error) {
        if ((error as Error).name === "NoSuchKey") {
            return { document: {}, eTag: undefined };
        }
        throw error;
    }
}

function parse<T extends object>(text: string): Partial<T> {
    try {
        const document = JSON.parse(text) as T | null;
        return typeof document === "object" && document !== null && !Array.isArray(document) ? document : {};
    } catch {
        return {};
    }
}
