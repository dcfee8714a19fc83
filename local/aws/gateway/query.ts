import { randomUUID } from "node:crypto";

import { XMLBuilder } from "fast-xml-parser";

import { xmlResponse } from "./overlay";
import type { AwsResponse } from "./overlay";

/** The query protocol carries every value as text: the SDK's shapes, as they travel. */
export type Texts<T> = T extends undefined
    ? undefined
    : T extends (infer Item)[]
      ? Texts<Item>[]
      : T extends string | number | boolean | Date
        ? string
        : { -readonly [Key in keyof T]: Texts<T[Key]> };

type Tree = { [key: string]: Tree | string };

/** `Actions.member.1.Type=forward` -> `{ Actions: [{ Type: "forward" }] }` */
export function parseQuery(body: string): unknown {
    const root: Tree = {};
    for (const [path, value] of new URLSearchParams(body)) {
        const keys = path.split(".");
        const last = keys.pop()!;
        const parent = keys.reduce<Tree>((tree, key) => (tree[key] ??= {}) as Tree, root);
        parent[last] = value;
    }
    return withLists(root);
}

function withLists(tree: Tree | string): unknown {
    if (typeof tree === "string") {
        return tree;
    }
    if (typeof tree.member === "object") {
        return Object.entries(tree.member)
            .sort(([one], [other]) => Number(one) - Number(other))
            .map(([, element]) => withLists(element));
    }
    return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, withLists(value)]));
}

const builder = new XMLBuilder();

export function queryResponse(operation: string, namespace: string, result: object): AwsResponse {
    const content = builder.build({
        [`${operation}Result`]: withMembers(result),
        ResponseMetadata: { RequestId: randomUUID() },
    });
    return xmlResponse(`<${operation}Response xmlns="${namespace}">${content}</${operation}Response>`);
}

function withMembers(value: unknown): unknown {
    if (Array.isArray(value)) {
        return { member: value.map(withMembers) };
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const given = Object.entries(value).filter(([, element]) => element !== undefined);
    return Object.fromEntries(given.map(([key, element]) => [key, withMembers(element)]));
}
