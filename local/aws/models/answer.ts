import { judgeBody } from "./judge";
import type { Fault } from "./judge";
import { modelOf } from "./model";
import type { ServiceModel, Shape } from "./model";
import { parseXml, readObject } from "./request";
import { jsonWire, xmlWire } from "./wires";

/** What of an answer over HTTP says what AWS gave. */
export interface HttpAnswer {
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly body: Buffer;
}

/** What the model requires and AWS leaves out all the same: a private zone has no name servers to tell. */
const leftOut: Readonly<Record<string, readonly string[]>> = { "route53 CreateHostedZone": ["delegationSet"] };

/**
 * What does not fit the model's output in the answer to what was not refused: unknown and missing members, other types
 * and values that no enumeration has. Patterns and lengths are promises of callers, not of AWS.
 */
export function judgeAnswer(service: string, operation: string, answer: HttpAnswer): readonly Fault[] {
    const model = modelOf(service);
    const called = model?.operations[operation];
    if (!model || !called?.output) {
        return [];
    }
    const whole = model.shapes[called.output.shape];
    const payload = whole.payload === undefined ? undefined : model.shapes[whole.members![whole.payload].shape];
    if (payload && payload.type !== "structure") {
        return []; // bytes, of any kind
    }
    const shape = payload ?? inBody(whole);
    const isXml = model.protocol !== "json" && model.protocol !== "rest-json";
    const raw = isXml ? readXml(model, answer, called.output.resultWrapper) : readObject(answer);
    const { faults } = judgeBody(model, shape, raw, isXml ? xmlWire : jsonWire);
    const mayLack = leftOut[`${service} ${operation}`] ?? [];
    return faults.filter(({ kind, path }) => kind !== "constraint" && !(kind === "missing" && mayLack.includes(path)));
}

/** Without what travels in headers. */
function inBody(shape: Shape): Shape {
    const members = Object.fromEntries(Object.entries(shape.members ?? {}).filter(([, { location }]) => !location));
    return { ...shape, members, required: shape.required?.filter((name) => name in members) };
}

function readXml({ protocol }: ServiceModel, { body }: HttpAnswer, resultWrapper: string | undefined): unknown {
    const parsed = body.length === 0 ? undefined : parseXml(body.toString());
    const root = (parsed ?? "") as Readonly<Record<string, unknown>> | ""; // what is no XML says nothing
    if (root === "" || protocol === "rest-xml") {
        return root;
    }
    return protocol === "query"
        ? (root[resultWrapper ?? ""] ?? "")
        : Object.fromEntries(Object.entries(root).filter(([name]) => name !== "requestId"));
}
