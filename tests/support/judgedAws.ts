// AWS as far as its service models tell it: every request is judged by them, and answered by what they say an answer is.
import { judgeInput } from "../../local/aws/models/request";
import { modelOf, type Ref, type ServiceModel } from "../../local/aws/models/model";
import type { Aws } from "../../local/aws/resources/sdk";
import { accountId, region } from "./mocks";

/** A request that AWS's model does not take. */
export interface Objection {
    readonly operation: string;
    readonly reasons: readonly string[];
}

export interface JudgedAws {
    readonly aws: Aws;
    /** How many requests were judged, by operation. */
    readonly asked: Map<string, number>;
    readonly objections: Objection[];
    /** Judges one more request. */
    ask(service: string, operation: string, input: object): unknown;
}

/** The models' names of the clients that have others. */
const services: Readonly<Record<string, string>> = {
    cloudwatchLogs: "logs",
    elb: "elbv2",
    eventbridge: "events",
    secretsManager: "secretsmanager",
};

export function judgedAws(): JudgedAws {
    const asked = new Map<string, number>();
    const objections: Objection[] = [];

    function ask(service: string, operation: string, input: object): unknown {
        const name = `${service}:${operation}`;
        asked.set(name, (asked.get(name) ?? 0) + 1);
        const { faults } = judgeInput(service, operation, input);
        if (faults.length > 0) {
            objections.push({ operation: name, reasons: faults.map(({ reason }) => reason) });
        }
        const model = modelOf(service)!;
        const { output } = model.operations[operation];
        return output === undefined ? {} : answerOf(model, output, 0);
    }

    function client(service: string): object {
        const operations = new Map(
            Object.keys(modelOf(service)?.operations ?? {}).map((operation) => [operation.toLowerCase(), operation]),
        );
        return new Proxy(
            {},
            {
                get: (_, method) => async (input: object) => {
                    const isCommand = method === "send";
                    const called = isCommand ? input.constructor.name.replace(/Command$/, "") : String(method);
                    const operation = operations.get(called.toLowerCase()) ?? called;
                    const parameters = isCommand ? (input as { readonly input: object }).input : input;
                    return Promise.resolve(ask(service, operation, parameters));
                },
            },
        );
    }

    const own: Readonly<Record<string, unknown>> = {
        accountId,
        region,
        arn: (service: string, resource: string) => `arn:aws:${service}:${region}:${accountId}:${resource}`,
        globalArn: (service: string, resource: string) => `arn:aws:${service}::${accountId}:${resource}`,
    };
    const aws = new Proxy({}, { get: (_, key: string) => own[key] ?? client(services[key] ?? key) }) as Aws;
    return { aws, asked, objections, ask };
}

/** What says that something is there and ready. */
const ready = ["ACTIVE", "Active", "active", "ISSUED", "SUCCESS", "INSYNC", "Enabled", "ENABLED"];

const isArn = /arn$/i;
const anArn = `arn:aws:acm:${region}:${accountId}:certificate/12345678-1234-1234-1234-123456789012`;

/** The least answer of that shape, with an element in each list: all went well, and there is no next page. */
function answerOf(model: ServiceModel, { shape: name }: Ref, depth: number): unknown {
    const shape = model.shapes[name];
    switch (shape.type) {
        case "structure":
            return depth > 6
                ? {}
                : Object.fromEntries(
                      Object.entries(shape.members ?? {})
                          .filter(([key]) => !/error|fail|token|marker/i.test(key))
                          .map(([key, ref]) => [key, isArn.test(key) ? anArn : answerOf(model, ref, depth + 1)]),
                  );
        case "list":
            return depth > 6 ? [] : [answerOf(model, shape.member!, depth + 1)];
        case "map":
            return {};
        case "boolean":
            return true;
        case "blob":
            return new Uint8Array();
        case "timestamp":
            return new Date(0);
        case "string":
        case "character":
            return shape.enum?.find((each) => ready.includes(each)) ?? shape.enum?.[0] ?? "x";
        case "bigdecimal":
        case "double":
        case "float":
        case "integer":
        case "long":
            return 0;
    }
}
