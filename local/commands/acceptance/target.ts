import type { AwsConfig } from "../../aws/resources/sdk";
import type { Visited } from "../../internet/visitor";
import type { Operation, OperationOptions, OperationResult } from "../../pulumi/operation";
import type { StackState } from "../../pulumi/state";
import type { Config } from "../../pulumi/workspace";

/** A Pulumi project that an acceptance run deploys, and what of it is not the target's to say. */
export interface Project {
    /** Of its Pulumi.yaml. */
    readonly projectName: string;
    readonly program: string;
    readonly stack: string;
    /** Beside what the target knows. */
    readonly config: Config;
}

/** What a target decides of a project's configuration. */
export interface Settings {
    readonly domain: string;
    readonly hostedZoneId: string;
    readonly acmeDirectory: string;
}

/** Where an acceptance run deploys: the local system, or an account of AWS. */
export interface Target {
    readonly kind: "local" | "aws";
    readonly account: string;
    /** In which something may be; what has one region alone is in the first. */
    readonly regions: readonly string[];
    readonly settings: Settings;
    readonly internet: Visited & { readonly httpPort: number };
    /** Between two looks, in milliseconds. */
    readonly pollMs: number;
    /** What clients of AWS are made with. */
    clientConfig(region: string): AwsConfig;
    operate(
        operation: Operation,
        project: Project,
        options?: Pick<OperationOptions, "refresh" | "signal" | "unlock">,
    ): Promise<OperationResult>;
    state(project: Project): Promise<Pick<StackState, "resources" | "outputs">>;
    /** Ends what the target itself has started. */
    close(): Promise<void>;
}
