import type { Caller } from "../../internet/caller";

/** A stack that is up. */
export interface Up {
    readonly caller: Caller;
    readonly changes: Readonly<Record<string, number>>;
}

/** Where an acceptance run deploys: the local system, or an account of AWS. */
export interface Target {
    readonly kind: "local" | "aws";
    readonly account: string;
    readonly region: string;
    readonly httpsPort: number;
    /** Between two looks, in milliseconds. */
    readonly pollMs: number;
    up(): Promise<Up>;
    refresh(): Promise<void>;
    /** Removes all that carries the run's tag; gives what is left all the same. */
    clean(): Promise<readonly string[]>;
    /** The status of the answer that the host called `hostname` gives to a request for the name `asked`. */
    visit(asked: string, hostname: string): Promise<number>;
    publicAddress(caller: Caller, networkInterfaceId: string): Promise<string | undefined>;
    /** Ends what the target itself has started. */
    close(): Promise<void>;
}
