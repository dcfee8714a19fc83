import type { OutputInstance, Resource } from "@pulumi/pulumi";
import type { AutoName } from "./naming";
import type { Aws } from "./sdk";
import { camelKeys, type Properties, saysTheSame } from "./values";

type Tags = Readonly<Record<string, string>>;

/** What of an Input<…> reaches a provider: the value. Of a resource it is the id. */
type Plain<T> = T extends Promise<unknown> | OutputInstance<unknown> | Resource
    ? never
    : T extends (infer Item)[]
      ? Plain<Item>[]
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T;

/** A resource's arguments, with `tagsAll`: its tags and the provider's default ones. */
export type Inputs<Args> = Plain<Args> & { readonly tagsAll?: Tags };

export type Outputs<State> = Partial<Plain<State>>;

export interface Existing<Args, State> {
    readonly id: string;
    readonly inputs: Inputs<Args>;
    readonly outputs: Outputs<State>;
}

export interface Change<Args, State> extends Existing<Args, State> {
    /** The arguments it has now; `inputs` are those it is to have. */
    readonly old: Inputs<Args>;
}

/** How the resources of one type are made, changed and deleted. Args and State are the types of @pulumi/aws. */
export interface Adapter<Args, State> {
    readonly autoName?: AutoName & { readonly property: keyof Args };
    /** Takes `tags`, and with them the provider's default tags. */
    readonly taggable?: true;
    /** What the real provider fills in for arguments that are left out. */
    readonly defaults?: Partial<Plain<Args>>;
    /** Arguments that AWS keeps empty when they are left out: what is found there all the same is somebody else's. */
    readonly emptyByDefault?: readonly (keyof Args)[];
    /** Arguments whose change makes a new resource; without `update`, all of them. */
    readonly replaceOn?: readonly (keyof Args)[];
    readonly deleteBeforeReplace?: true;
    /** Arguments that change how a resource behaves and are not emulated: they are refused. */
    readonly refuses?: readonly (keyof Args)[];
    /** What is wrong with arguments, told in the preview; those that are not known yet are left out. */
    readonly judge?: (inputs: Inputs<Args>) => readonly { readonly property: string; readonly reason: string }[];
    /** Arguments that AWS gives back in another form: whether the real provider takes what it read for what it would send. */
    readonly isSame?: { readonly [Key in keyof Args]?: (read: string, sent: string, inputs: Inputs<Args>) => boolean };
    /** Names of the errors that say the resource is not there. */
    readonly gone?: readonly string[];
    /** Gives the id and what only AWS knows; the arguments are outputs anyway. */
    create(aws: Aws, inputs: Inputs<Args>, logicalName: string): Promise<{ readonly id: string } & Outputs<State>>;
    update?(aws: Aws, change: Change<Args, State>): Promise<Outputs<State> | void>;
    delete?(aws: Aws, existing: Existing<Args, State>): Promise<unknown>;
    /**
     * Gives what there is now, in AWS's words, of all that may have changed behind our back; without it, a refresh changes
     * nothing. What says the same as the program, or is of no argument, is left out by who asks.
     */
    read?(aws: Aws, existing: Existing<Args, State>): Promise<object | void>;
}

/** What a `read` throws when AWS gives an empty answer, and no error, for what is not there. */
export class Gone extends Error {
    override readonly name = "Gone";
}

export interface AnyAdapter extends Adapter<Properties, Properties> {
    /** As the real provider's errors name the type: "SQS Queue". */
    readonly label: string;
}

/** By type token. */
export type Adapters = Readonly<Record<string, AnyAdapter>>;

/** One row of a service's table: checks it against its types, then lets go of them. */
export function adapter<Args, State>(row: Adapter<Args, State>): Adapter<Properties, Properties> {
    return row as unknown as Adapter<Properties, Properties>;
}

/** A service's table: its rows by module and class, as in "sqs/queue:Queue". */
export function service(label: string, rows: Readonly<Record<string, Adapter<Properties, Properties>>>): Adapters {
    return Object.fromEntries(
        Object.entries(rows).map(([type, row]) => [`aws:${type}`, { ...row, label: `${label} ${words(type)}` }]),
    );
}

/** "cloudwatch/eventRule:EventRule" -> "Event Rule" */
function words(type: string): string {
    return type.slice(type.indexOf(":") + 1).replace(/(?<=[a-z0-9])(?=[A-Z])/g, " ");
}

/** A document that programs may give as text or as an object. */
export function json(document: unknown): string {
    return typeof document === "string" ? document : JSON.stringify(document);
}

/** What there is instead of what was sent: where AWS's form of it, `read`, does not say what our request said, `sent`. */
export function unlessSame<Key extends string>(
    property: Key,
    read: unknown,
    sent: unknown,
): { readonly [Property in Key]?: unknown } {
    return saysTheSame(read, sent) ? {} : ({ [property]: camelKeys(read) } as { readonly [Property in Key]: unknown });
}

/** Those of an answer's members that are arguments of the same names: what AWS leaves out is not set. */
export function fields<Found extends object>(
    found: Found | undefined,
    ...names: readonly Uncapitalize<keyof Found & string>[]
): object {
    const all = camelKeys({ ...found }) as Properties;
    return Object.fromEntries(names.map((name) => [name, all[name]]));
}

/** The tags that something has, but AWS's own. */
export function tagsAll(
    tags:
        | Tags
        | readonly { readonly Key?: string; readonly Value?: string }[]
        | readonly { readonly key?: string; readonly value?: string }[] = {},
): { readonly tagsAll: Tags } {
    const pairs = Array.isArray(tags)
        ? (tags as readonly Record<string, string>[]).map(({ Key, Value, key = Key, value = Value }) => [key, value])
        : Object.entries(tags);
    return { tagsAll: Object.fromEntries(pairs.filter(([key]) => !key.startsWith("aws:"))) as Tags };
}

/** Tags as a list, the way most services take them. */
export function tagList(tags: Tags = {}): { Key: string; Value: string }[] {
    return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** Those that something is made with: AWS takes none, but no empty list. */
export function tagsOrNone(tags: Tags = {}): { Key: string; Value: string }[] | undefined {
    return Object.keys(tags).length > 0 ? tagList(tags) : undefined;
}

/** What brings one set of tags to the other: those to set and the keys to remove, each only when there are any. */
export async function changeTags(
    { old, inputs }: Change<unknown, unknown>,
    set: (tags: Record<string, string>) => Promise<unknown>,
    remove: (keys: string[]) => Promise<unknown>,
): Promise<void> {
    const [before, after] = [old.tagsAll ?? {}, inputs.tagsAll ?? {}];
    const removed = Object.keys(before).filter((key) => !(key in after));
    const changed = Object.entries(after).filter(([key, value]) => before[key] !== value);
    if (removed.length > 0) {
        await remove(removed);
    }
    if (changed.length > 0) {
        await set(Object.fromEntries(changed));
    }
}
