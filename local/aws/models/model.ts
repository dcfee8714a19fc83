import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import { home } from "../../machine/projectRoot";

/** What a value must be, as AWS's service models say it. */
export interface Shape {
    readonly type:
        | "structure"
        | "list"
        | "map"
        | "string"
        | "integer"
        | "long"
        | "float"
        | "double"
        | "boolean"
        | "blob"
        | "timestamp"
        | "character"
        | "bigdecimal";
    readonly members?: Readonly<Record<string, Ref>>;
    readonly required?: readonly string[];
    readonly member?: Ref;
    readonly key?: Ref;
    readonly value?: Ref;
    readonly enum?: readonly string[];
    readonly min?: number;
    readonly max?: number;
    readonly pattern?: string;
    /** The member that is the whole body. */
    readonly payload?: string;
    /** Exactly one member is given. */
    readonly union?: boolean;
    /** Any JSON. */
    readonly document?: boolean;
    readonly flattened?: boolean;
    readonly sensitive?: boolean;
    readonly eventstream?: boolean;
}

/** A shape's use as a member: which one, and how it travels there. */
export interface Ref {
    readonly shape: string;
    readonly location?: "uri" | "querystring" | "header" | "headers" | "statusCode";
    readonly locationName?: string;
    readonly queryName?: string;
    readonly flattened?: boolean;
    readonly xmlAttribute?: boolean;
}

export interface Operation {
    readonly name: string;
    readonly http: { readonly method: string; readonly requestUri: string };
    readonly input?: Ref;
    readonly output?: Ref & { readonly resultWrapper?: string };
    readonly deprecated?: boolean;
}

export type Protocol = "json" | "query" | "ec2" | "rest-json" | "rest-xml";

/** AWS's own description of one of its services. */
export interface ServiceModel {
    /** As botocore calls it, e.g. "elbv2". */
    readonly name: string;
    readonly protocol: Protocol;
    readonly operations: Readonly<Record<string, Operation>>;
    readonly shapes: Readonly<Record<string, Shape>>;
}

/** Where signature and model call a service by different names. */
const namesBySigning: Readonly<Record<string, string>> = {
    apigateway: "apigatewayv2",
    elasticloadbalancing: "elbv2",
    monitoring: "cloudwatch",
    states: "stepfunctions",
};

interface ModelFile {
    readonly metadata: { readonly protocol: string; readonly protocols?: readonly string[] };
    readonly operations: ServiceModel["operations"];
    readonly shapes: ServiceModel["shapes"];
}

const models = new Map<string, ServiceModel | undefined>();

/**
 * The model of a service by the name that requests are signed for. Read when it is first asked for (some
 * milliseconds; EC2's, the largest, 60).
 * @throws when the set-up has not installed botocore
 */
export function modelOf(signingName: string): ServiceModel | undefined {
    const name = namesBySigning[signingName] ?? signingName;
    if (!models.has(name)) {
        models.set(name, readModel(name));
    }
    return models.get(name);
}

function readModel(name: string): ServiceModel | undefined {
    const folder = join(dataFolder(), name);
    if (!/^[a-z0-9-]+$/.test(name) || !existsSync(folder)) {
        return undefined;
    }
    const newest = readdirSync(folder).sort().at(-1)!;
    const text = gunzipSync(readFileSync(join(folder, newest, "service-2.json.gz"))).toString();
    const { metadata, operations, shapes } = JSON.parse(text) as ModelFile;
    // CloudWatch's CBOR has the names that its JSON has.
    const protocol = metadata.protocol === "smithy-rpc-v2-cbor" ? "json" : (metadata.protocol as Protocol);
    return { name, protocol, operations, shapes };
}

let data: string | undefined;

/** Of botocore, as tools/requirements.txt pins it. */
function dataFolder(): string {
    if (data === undefined) {
        const lib = join(home, ".tools", "python", "lib");
        const python = existsSync(lib) ? readdirSync(lib).find((entry) => entry.startsWith("python3")) : undefined;
        data = join(lib, python ?? "python3", "site-packages", "botocore", "data");
        if (!existsSync(data)) {
            throw new Error(`AWS's service models are not in ${data}: run \`npm run setup\`.`);
        }
    }
    return data;
}
