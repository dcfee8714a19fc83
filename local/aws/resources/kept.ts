import { type Adapter, adapter, type Inputs, type Outputs } from "./adapter";
import { randomHex } from "./naming";
import type { Aws } from "./sdk";

/** A type whose behaviour nothing observes: the provider keeps it as the program describes it, with an id and an ARN. */
interface KeptRow<Args, State> extends Pick<
    Adapter<Args, State>,
    "autoName" | "taggable" | "defaults" | "replaceOn" | "deleteBeforeReplace" | "delete" | "gone"
> {
    /** Of ids in EC2's form, `vpc-` and 17 digits; others say their `id`. */
    readonly idPrefix?: string;
    readonly id?: (aws: Aws, inputs: Inputs<Args>) => string;
    /** Of ARNs in EC2's form, `arn:aws:ec2:<region>:<account>:<arnType>/<id>`. */
    readonly arnType?: string;
    /** What AWS would add. Always the same for the same arguments and id. */
    readonly outputs?: (aws: Aws, inputs: Inputs<Args>, id: string) => Outputs<State>;
}

export function kept<Args, State>(row: KeptRow<Args, State>) {
    const { idPrefix = "", id: idOf, arnType, outputs: outputsOf, ...rest } = row;
    function outputs(aws: Aws, inputs: Inputs<Args>, id: string): Outputs<State> {
        const arn = arnType && { arn: aws.arn("ec2", `${arnType}/${id}`) };
        return { ...arn, ...outputsOf?.(aws, inputs, id) } as Outputs<State>;
    }
    return adapter<Args, State>({
        ...rest,
        create: (aws, inputs) => {
            const id = idOf?.(aws, inputs) ?? ec2Id(idPrefix, randomHex(17));
            return Promise.resolve({ id, ...outputs(aws, inputs, id) });
        },
        update: (aws, { id, inputs }) => Promise.resolve(outputs(aws, inputs, id)),
    });
}

export function ec2Id(prefix: string, hex: string): string {
    return `${prefix}-${hex.slice(0, 17)}`;
}
