import { cbor } from "@smithy/core/cbor";
import { XMLParser } from "fast-xml-parser";

import { AwsError } from "./awsError";
import { judgeBody, judgeMembers } from "./judge";
import type { Judgement } from "./judge";
import { modelOf } from "./model";
import type { Operation, Ref, ServiceModel, Shape } from "./model";
import { ec2Wire, jsonWire, queryWire, sdkWire, textWire, xmlWire } from "./wires";
import type { Given, Members, Wire } from "./wires";

/** What of a request over HTTP says what is asked. */
export interface HttpRequest {
    readonly method: string;
    /** Not decoded. */
    readonly path: string;
    /** Without the "?". */
    readonly query: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly body: Buffer;
    /** As the signature names it. */
    readonly service: string;
    /** Where the protocol names it: the JSON, query and CBOR ones. */
    readonly operation?: string;
}

/** A request as its service's model reads it. */
export interface Call extends Judgement {
    readonly model: ServiceModel;
    readonly operation: Operation;
}

/** @throws UnknownCall when no model has it */
export function readCall(request: HttpRequest): Call {
    const model = modelOf(request.service);
    if (!model) {
        throw new UnknownCall(`No service model is known for "${request.service}".`);
    }
    const isRest = model.protocol === "rest-json" || model.protocol === "rest-xml";
    const route = isRest ? findRoute(model, request) : undefined;
    const operation = isRest ? route?.operation : model.operations[request.operation ?? ""];
    if (!operation) {
        const asked = request.operation ?? `${request.method} ${request.path}`;
        throw new UnknownCall(`AWS's model of ${model.name} has no operation ${asked}.`);
    }
    const shape = operation.input ? model.shapes[operation.input.shape] : none;
    const judgement = route ? readRest(model, shape, request, route) : readBody(model, shape, request);
    return { model, operation, ...judgement };
}

/** What AWS's model objects to in a command's input; none for what AWS would take. */
export function judgeInput(service: string, operation: string, input: object): Judgement {
    const model = modelOf(service);
    const found = model?.operations[operation];
    if (!model || !found) {
        throw new UnknownCall(`AWS's models have no ${service} ${operation}.`);
    }
    return judgeBody(model, found.input ? model.shapes[found.input.shape] : none, input, sdkWire);
}

/** A call that no model has. */
export class UnknownCall extends Error {}

const none: Shape = { type: "structure", members: {} };

function readBody(model: ServiceModel, shape: Shape, request: HttpRequest): Judgement {
    if (model.protocol === "query" || model.protocol === "ec2") {
        const wire = model.protocol === "ec2" ? ec2Wire : queryWire;
        return judgeBody(model, shape, queryTree(request.body.toString()), wire);
    }
    return judgeBody(model, shape, readObject(request), jsonWire);
}

/** Of the JSON protocols, or CBOR. */
export function readObject({ headers, body }: Pick<HttpRequest, "headers" | "body">): unknown {
    if (body.length === 0) {
        return {};
    }
    return headers["content-type"] === "application/cbor"
        ? (cbor.deserialize(body) as unknown)
        : parseJson(body.toString());
}

function parseJson(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch (error) {
        throw new AwsError("SerializationException", (error as Error).message);
    }
}

type Tree = { [key: string]: Tree | string };

/** `A.member.1.B=c` -> `{ A: { member: { 1: { B: "c" } } } }` */
function queryTree(body: string): Tree {
    const root: Tree = {};
    for (const [path, value] of new URLSearchParams(body)) {
        if (path === "Action" || path === "Version") {
            continue;
        }
        const keys = path.split(".");
        const last = keys.pop()!;
        const parent = keys.reduce<Tree>((tree, key) => {
            const next = tree[key];
            return typeof next === "object" ? next : (tree[key] = {});
        }, root);
        parent[last] = value;
    }
    return root;
}

// ---- REST -----------------------------------------------------------------------------------------------------------

interface Route {
    readonly operation: Operation;
    readonly path: RegExp;
    readonly labels: readonly string[];
    /** Keys of the query, with their values if they have any, that only this operation has. */
    readonly literals: readonly (readonly [string, string])[];
}

const routesByModel = new WeakMap<ServiceModel, readonly Route[]>();

function findRoute(model: ServiceModel, request: HttpRequest): (Route & { values: readonly string[] }) | undefined {
    let routes = routesByModel.get(model);
    if (!routes) {
        routes = Object.values(model.operations).map(toRoute);
        routesByModel.set(model, routes);
    }
    const query = new URLSearchParams(request.query);
    const path = request.path.replace(/(?<=.)\/$/, "");
    const hint = query.get("x-id"); // the JavaScript SDK says it, AWS ignores it
    return routes
        .filter(({ operation }) => operation.http.method === request.method && !operation.deprecated)
        .filter(({ literals }) =>
            literals.every(([key, value]) => query.has(key) && (value === "" || query.get(key) === value)),
        )
        .filter(({ operation }) => hasRequired(model, operation, request, query))
        .flatMap((route) => {
            const values = route.path.exec(path)?.slice(1);
            return values ? [{ ...route, values }] : [];
        })
        .sort((one, other) => rank(other, model, hint) - rank(one, model, hint))[0];
}

/** The most particular of those that fit: by the hint, by literal parts, by what must be there. */
function rank({ operation, literals, labels }: Route, model: ServiceModel, hint: string | null): number {
    const required = operation.input ? (model.shapes[operation.input.shape].required ?? []) : [];
    return (operation.name === hint ? 1_000 : 0) + literals.length * 100 - labels.length * 10 + required.length;
}

/** Two operations of S3 with one path are told apart by the headers and parameters that one of them must have. */
function hasRequired(
    model: ServiceModel,
    { input }: Operation,
    { headers }: HttpRequest,
    query: URLSearchParams,
): boolean {
    if (model.name !== "s3" || !input) {
        return true;
    }
    const { required = [], members = {} } = model.shapes[input.shape];
    return required.every((name) => {
        const { location, locationName = name } = members[name];
        return (
            (location !== "header" || headers[locationName.toLowerCase()] !== undefined) &&
            (location !== "querystring" || query.has(locationName))
        );
    });
}

function toRoute(operation: Operation): Route {
    const [template, search = ""] = operation.http.requestUri.split("?");
    const labels: string[] = [];
    const source = template
        .replace(/(?<=.)\/$/, "")
        .split(/(\{[^}]+\})/)
        .map((part) => {
            const label = /^\{([^}+]+)(\+?)\}$/.exec(part);
            if (!label) {
                return part.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
            }
            labels.push(label[1]);
            return label[2] ? "(.+)" : "([^/]+)";
        })
        .join("");
    const literals = search === "" ? [] : [...new URLSearchParams(search)];
    return { operation, path: new RegExp(`^${source}$`), labels, literals };
}

/** Of requests, but in no model: what every S3 request may carry. */
const everywhere = /^(x-id|X-Amz-.+|AWSAccessKeyId|Signature|Expires)$/;

function readRest(
    model: ServiceModel,
    shape: Shape,
    request: HttpRequest,
    route: Route & { readonly values: readonly string[] },
): Judgement {
    const query = new URLSearchParams(request.query);
    const inBody: [string, Ref][] = [];
    const given: Given[] = [];
    const expected = new Set(route.literals.map(([key]) => key));
    const add = (name: string, ref: Ref, raw: unknown) =>
        raw !== undefined && given.push({ name, ref, raw, wire: textWire });

    for (const [name, ref] of Object.entries(shape.members ?? {})) {
        const { location, locationName = name } = ref;
        switch (location) {
            case "uri":
                add(name, ref, decode(route.values[route.labels.indexOf(locationName)]));
                break;
            case "querystring": {
                expected.add(locationName);
                const values = query.getAll(locationName);
                if (values.length > 0) {
                    add(name, ref, model.shapes[ref.shape].type === "list" ? values : values[0]);
                }
                break;
            }
            case "header": {
                const header = request.headers[locationName.toLowerCase()]?.toString();
                const isList = model.shapes[ref.shape].type === "list";
                add(name, ref, isList ? header?.split(",").map((value) => value.trim()) : header);
                break;
            }
            case "headers": {
                const prefix = locationName.toLowerCase();
                const found = Object.entries(request.headers).filter(([key]) => key.startsWith(prefix));
                if (found.length > 0) {
                    add(
                        name,
                        ref,
                        Object.fromEntries(found.map(([key, value]) => [key.slice(prefix.length), String(value)])),
                    );
                }
                break;
            }
            case "statusCode":
                break;
            case undefined:
                inBody.push([name, ref]);
                break;
        }
    }
    const unknown = [...query.keys()].filter((key) => !expected.has(key) && !everywhere.test(key));
    const body = readRestBody(model, shape, request, inBody);
    return judgeMembers(model, shape, {
        given: [...given, ...body.given],
        unknown: [...unknown, ...body.unknown],
    });
}

function readRestBody(
    model: ServiceModel,
    shape: Shape,
    request: HttpRequest,
    inBody: readonly [string, Ref][],
): Members {
    if (request.body.length === 0 || inBody.length === 0) {
        return { given: [], unknown: [] };
    }
    const wire = model.protocol === "rest-xml" ? xmlWire : jsonWire;
    if (shape.payload !== undefined) {
        const ref = shape.members![shape.payload];
        const isWhole = model.shapes[ref.shape].type !== "structure";
        const raw = isWhole ? request.body : bodyOf(model, request);
        return { given: [{ name: shape.payload, ref, raw, wire: isWhole ? rawWire : wire }], unknown: [] };
    }
    const members = Object.fromEntries(inBody);
    return (
        wire.members(bodyOf(model, request), { type: "structure", members }, model.shapes) ?? { given: [], unknown: [] }
    );
}

/** A payload that is the body, byte for byte. */
const rawWire: Wire = {
    members: () => undefined,
    elements: () => undefined,
    entries: () => undefined,
    scalar: (raw, type) => (type === "blob" ? raw : String(raw)),
};

const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "@",
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    processEntities: true,
    htmlEntities: true, // and characters by their numbers: Go writes a quotation mark as &#34;
    ignoreDeclaration: true,
});

/** The content of the one element of a document. */
export function parseXml(text: string): unknown {
    const tree = parser.parse(text) as Record<string, unknown>;
    return Object.entries(tree).find(([key]) => !key.startsWith("?") && key !== "#text")?.[1];
}

function bodyOf(model: ServiceModel, request: HttpRequest): unknown {
    return model.protocol === "rest-xml" ? parseXml(request.body.toString()) : readObject(request);
}

function decode(text: string | undefined): string | undefined {
    return text === undefined ? undefined : decodeURIComponent(text);
}
