import { judgeBody } from "./judge";
import type { Fault } from "./judge";
import { modelOf } from "./model";
import { jsonWire } from "./wires";

/**
 * What does not fit the model's output in an answer of the JSON protocol: unknown members, other types and values that
 * no enumeration has. Patterns and lengths are promises of callers, not of AWS. Of other protocols nothing is judged.
 */
export function judgeAnswer(service: string, operation: string, body: Buffer): readonly Fault[] {
    const model = modelOf(service);
    const output = model?.operations[operation]?.output;
    if (model?.protocol !== "json" || !output) {
        return [];
    }
    const answer: unknown = JSON.parse(body.toString() || "{}");
    return judgeBody(model, model.shapes[output.shape], answer, jsonWire).faults.filter(
        ({ kind }) => kind !== "constraint" && kind !== "missing",
    );
}
