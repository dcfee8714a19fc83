// Pushes images to ECR and pulls them, by the registry's own protocol (the OCI's distribution specification).
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";

import AdmZip from "adm-zip";
import { ZipFile } from "yazl";

import type { BuiltImage, ImageConfig, ImageFile } from "./dockerfile";

/** `<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>` or `…@sha256:<digest>`. */
interface Reference {
    readonly host: string;
    readonly repository: string;
    /** The tag, or the digest. */
    readonly name: string;
}

interface Manifest {
    readonly config: Descriptor;
    readonly layers: readonly Descriptor[];
    readonly annotations: Readonly<Record<string, string>>;
}

interface Descriptor {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const baseName = "org.opencontainers.image.base.name";

export function parseReference(image: string): Reference | undefined {
    const [, host, repository, tag, digest] =
        /^(\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com)\/([^:@]+)(?::([^@]+))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(
            image,
        ) ?? [];
    return host === undefined ? undefined : { host, repository, name: digest ?? tag ?? "latest" };
}

/** Pushes an image under a tag, and gives its digest: the same one for the same image. */
export async function pushImage(
    gatewayUrl: string,
    image: string,
    { base, config, files }: BuiltImage,
    architecture: string,
): Promise<string> {
    const reference = expectReference(image);
    const layer = await upload(gatewayUrl, reference, "application/zip", await pack(files));
    const settings = { architecture, os: "linux", config, rootfs: { type: "layers", diff_ids: [layer.digest] } };
    const manifest = Buffer.from(
        JSON.stringify({
            schemaVersion: 2,
            mediaType: manifestType,
            config: await upload(
                gatewayUrl,
                reference,
                "application/vnd.oci.image.config.v1+json",
                Buffer.from(JSON.stringify(settings)),
            ),
            layers: [layer],
            annotations: { [baseName]: base },
        }),
    );
    await call(gatewayUrl, reference, `manifests/${reference.name}`, {
        method: "PUT",
        headers: { "content-type": manifestType },
        body: manifest,
    });
    return digestOf(manifest);
}

export interface PulledImage extends BuiltImage {
    readonly digest: string;
}

/** undefined: there is no such image in ECR, or it is another registry's. */
export async function pullImage(gatewayUrl: string, image: string): Promise<PulledImage | undefined> {
    const reference = parseReference(image);
    if (reference === undefined || !(await hasImage(gatewayUrl, image))) {
        return undefined;
    }
    const get = async (path: string): Promise<Buffer> =>
        Buffer.from(await (await call(gatewayUrl, reference, path, {})).arrayBuffer());
    const text = await get(`manifests/${reference.name}`);
    const manifest = JSON.parse(text.toString()) as Manifest;
    const settings = JSON.parse((await get(`blobs/${manifest.config.digest}`)).toString()) as { config: ImageConfig };
    const files = unpack(await get(`blobs/${manifest.layers[0].digest}`));
    return { base: manifest.annotations[baseName], config: settings.config, files, digest: digestOf(text) };
}

export async function hasImage(gatewayUrl: string, image: string): Promise<boolean> {
    const reference = expectReference(image);
    const answer = await fetch(urlOf(gatewayUrl, reference, `manifests/${reference.name}`), { method: "HEAD" });
    return answer.ok;
}

/** An image is deleted by its digest, with all of its tags. */
export async function deleteImage(gatewayUrl: string, image: string): Promise<void> {
    const reference = expectReference(image);
    await call(gatewayUrl, reference, `manifests/${reference.name}`, { method: "DELETE" });
}

async function upload(gatewayUrl: string, to: Reference, mediaType: string, content: Buffer): Promise<Descriptor> {
    const digest = digestOf(content);
    await call(gatewayUrl, to, `blobs/uploads/?digest=${digest}`, { method: "POST", body: content });
    return { mediaType, digest, size: content.length };
}

/** @throws what the registry answers, as Docker words it */
async function call(
    gatewayUrl: string,
    reference: Reference,
    path: string,
    request: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: Buffer },
): Promise<Response> {
    const answer = await fetch(urlOf(gatewayUrl, reference, path), {
        ...request,
        body: request.body && new Uint8Array(request.body),
    });
    if (!answer.ok) {
        const text = await answer.text();
        const { errors } = JSON.parse(text) as { errors: readonly { code: string; message: string }[] };
        const [{ code, message }] = errors;
        throw new Error(
            `${reference.host}/${reference.repository}: ${code.toLowerCase().replaceAll("_", " ")}: ${message}`,
        );
    }
    return answer;
}

/** The gateway serves every registry: which one is meant is told by `ns`. */
function urlOf(gatewayUrl: string, { host, repository }: Reference, path: string): URL {
    const url = new URL(`/v2/${repository}/${path}`, gatewayUrl);
    url.searchParams.set("ns", host);
    return url;
}

function expectReference(image: string): Reference {
    const reference = parseReference(image);
    if (reference === undefined) {
        throw new Error(`${image} is not an image in ECR: the local system has no other registry`);
    }
    return reference;
}

function digestOf(content: Buffer): string {
    return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** The same bytes for the same files, whenever they were written. */
async function pack(files: ReadonlyMap<string, ImageFile>): Promise<Buffer> {
    const zip = new ZipFile();
    for (const [path, { mode, content }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const fixed = { mtime: new Date(1980, 0, 1), forceDosTimestamp: true };
        zip.addBuffer(content, path.slice(1), { ...fixed, mode: 0o100000 | mode });
    }
    zip.end();
    return await buffer(zip.outputStream);
}

function unpack(layer: Buffer): Map<string, ImageFile> {
    const entries = new AdmZip(layer).getEntries();
    return new Map(
        entries.map((entry) => [
            `/${entry.entryName}`,
            { mode: (entry.header.attr >>> 16) & 0o777, content: entry.getData() },
        ]),
    );
}
