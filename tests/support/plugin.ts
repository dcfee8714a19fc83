// The components as a plugin: what the engine does with PulumiPlugin.yaml, by Pulumi's own host.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import type { ServiceError } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { GetSchemaRequest, GetSchemaResponse } from "@pulumi/pulumi/proto/provider_pb";

import type { SystemFile } from "../../local/machine/systemFile";

export const root = resolve(__dirname, "../..");
export const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const host = require.resolve("@pulumi/pulumi/cmd/run-plugin/index.js");
const pulumi = createRequire(require.resolve("@pulumi/pulumi/package.json"));
const grpc = pulumi("@grpc/grpc-js") as typeof import("@grpc/grpc-js");

export interface Schema {
    readonly name: string;
    readonly version: string;
    readonly resources: Readonly<Record<string, ResourceSchema>>;
    readonly types: Readonly<Record<string, TypeSchema>>;
}

export interface ResourceSchema {
    readonly description?: string;
    readonly inputProperties: Readonly<Record<string, PropertySchema>>;
    readonly requiredInputs: readonly string[];
    readonly properties: Readonly<Record<string, PropertySchema>>;
}

export interface TypeSchema {
    readonly type: string;
    readonly enum?: readonly { readonly name: string; readonly value: string; readonly description?: string }[];
    readonly properties?: Readonly<Record<string, PropertySchema>>;
}

export interface PropertySchema {
    readonly type?: string;
    readonly $ref?: string;
    readonly description?: string;
}

export const goldenSchemaFile = join(root, "tests/package/schema.golden.json");

/** The package's schema as it was last looked at. */
export function readGoldenSchema(): Schema {
    return JSON.parse(readFileSync(goldenSchemaFile, "utf8")) as Schema;
}

/** Makes dist/, which the plugin host loads. */
export async function build(): Promise<void> {
    await promisify(execFile)(process.execPath, [join(root, "tools/build.mjs")]);
}

/** The schema that the host infers; `cwd` is the program's folder, which has nothing to do with ours. */
export async function inferSchema(cwd: string): Promise<Schema> {
    const child = spawn(process.execPath, [host, root, "127.0.0.1:1"], { cwd, stdio: ["ignore", "pipe", "pipe"] });
    const exited = new Promise<void>((done) => child.once("exit", () => done()));
    let faults = "";
    child.stderr.on("data", (text) => (faults += String(text)));
    try {
        const port = await new Promise<number>((done, reject) => {
            let printed = "";
            child.stdout.on("data", (text) => {
                printed += String(text);
                if (/^\d+\n/.test(printed)) {
                    done(parseInt(printed, 10));
                }
            });
            void exited.then(() => reject(new Error(`The plugin host ended early:\n${faults}`)));
        });
        const client = new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
        const answer = await new Promise<GetSchemaResponse>((done, reject) => {
            client.getSchema(new GetSchemaRequest(), (error: ServiceError | null, response: GetSchemaResponse) =>
                error === null ? done(response) : reject(error),
            );
        });
        client.close();
        return JSON.parse(answer.getSchema()) as Schema;
    } finally {
        child.kill();
        await exited;
    }
}

/** Puts the plugin where the engine looks for it, to be started as the Node.js language host starts it: in the program's folder. */
export async function installPlugin({ directory }: SystemFile): Promise<void> {
    await build();
    const folder = join(directory, "pulumi-home/plugins", `resource-taskgate-v${version}`);
    mkdirSync(folder, { recursive: true });
    const script = `#!/bin/sh\nexec '${process.execPath}' '${host}' '${root}' "$@"\n`;
    writeFileSync(join(folder, "pulumi-resource-taskgate"), script, { mode: 0o755 });
}
