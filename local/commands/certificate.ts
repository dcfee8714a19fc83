import { Argument, type Command, Option } from "commander";

import type { RenewalEvent, RenewalResult } from "../../handlers/renewCertificate";
import { askRenewal, type RegionOutputs } from "../internet/caller";
import { chosenCallers, deployedFunction, type DeployedOptions, type Place, tellOfEach } from "./chosen";

/** Of RFC 5280, section 5.3.1: those that a subscriber may give. */
const reasons = { unspecified: 0, keyCompromise: 1, affiliationChanged: 3, superseded: 4, cessationOfOperation: 5 };

interface Options extends DeployedOptions {
    readonly force?: boolean;
    readonly reason?: string;
    readonly rsa?: boolean;
}

type Ask = (event: RenewalEvent) => Promise<RenewalResult>;

export function define(command: Command): void {
    command
        .addArgument(
            new Argument(
                "[action]",
                "revoke replaces it in the same run; account tells the ACME account's URL, and rollover gives it another key",
            )
                .choices(["show", "renew", "revoke", "account", "rollover"])
                .default("show"),
        )
        .option("--json", "as JSON, for programs")
        .option("--force", "with renew: although it is not due, and however soon after a failure")
        .addOption(new Option("--reason <word>", "with revoke").choices(Object.keys(reasons)))
        .option("--rsa", "the RSA certificate beside it, of the local system; with --aws, name its function")
        .option("--aws", "of a deployed stack, with the credentials at hand: invokes its function")
        .option("--region <name>", "with --aws: where")
        .option(
            "--function <name>",
            "with --aws: the function that renews (renewalFunctionName or rsaRenewalFunctionName)",
        )
        .action(async (action: string, options: Options) => {
            const event = eventOf(action, options);
            const places = placesOf(command, options).map(([place, ask]): Place<RenewalResult> => [
                place,
                () => ask(event),
            ]);
            await tellOfEach(places, options.json, explained, isWell);
        });
}

function eventOf(action: string, { force, reason }: Options): RenewalEvent {
    if (force === true && action !== "renew") {
        throw new Error("--force goes with renew.");
    }
    if ((reason !== undefined) !== (action === "revoke")) {
        throw new Error(`--reason goes with revoke, and revoke with it: give ${Object.keys(reasons).join(", ")}.`);
    }
    switch (action) {
        case "show":
            return { show: true };
        case "account":
            return { account: "show" };
        case "rollover":
            return { account: "rollover" };
        case "revoke":
            return { revoke: reasons[reason as keyof typeof reasons] };
        default:
            return force === true ? { force } : {};
    }
}

function placesOf(command: Command, options: Options): [string, Ask][] {
    const deployed = deployedFunction(options, "WildcardCertificate", "renewalFunctionName");
    if (deployed !== undefined) {
        if (options.rsa === true) {
            throw new Error(
                "--rsa is for the local system: with --aws, give --function rsaRenewalFunctionName's value.",
            );
        }
        const { region, functionName } = deployed;
        // Not even loaded without --aws.
        return [[region, async (event) => (await import("./renewalOnAws")).renewalOnAws(region, functionName, event)]];
    }
    return chosenCallers(command).map(({ region, lambda, outputs }) => [
        region,
        (event) => askRenewal(lambda, functionOf(outputs, options), event),
    ]);
}

function functionOf({ renewalFunctionName, rsaRenewalFunctionName }: RegionOutputs, { rsa }: Options): string {
    if (rsa === true && !rsaRenewalFunctionName) {
        throw new Error("There is no RSA certificate beside the first: leave --rsa out, or deploy with rsaKeyType.");
    }
    return rsa === true ? rsaRenewalFunctionName : renewalFunctionName;
}

/** What was asked for is there, the account or a certificate, and nothing is wrong. */
function isWell({ accountUrl, notAfter, trouble }: RenewalResult): boolean {
    return accountUrl === undefined ? notAfter !== undefined && trouble === undefined : accountUrl !== "";
}

/** What a run of the function says, as one reads it. */
export function explained(place: string, result: RenewalResult, now = new Date()): string[] {
    const { accountUrl } = result;
    const { outcome, reason, names, serialNumber, notAfter, renewalDueAt, renewalInfo, trouble, nextAttempt } = result;
    const outcomes: Record<RenewalResult["outcome"], string> = {
        issued: "a certificate was issued",
        renewed: "the certificate was renewed",
        "not due": "nothing was to be done",
        waiting: "nothing was tried yet",
        busy: "another run is at it: ask again in a while",
        shown: "nothing was changed",
        "rolled over": "the account has another key",
        ended: "the stack is being destroyed",
    };
    const days = (date: string): string => {
        const left = (Date.parse(date) - now.getTime()) / 86_400_000;
        return left < 0 ? "expired" : `${Math.floor(left)} days left`;
    };
    const lines: readonly [string, string | undefined][] = [
        ["account", accountUrl === "" ? "there is none yet: one is made with the first order" : accountUrl],
        [
            "certificate",
            accountUrl !== undefined ? undefined : (names?.join(", ") ?? "there is none that could be used"),
        ],
        ["serial number", serialNumber],
        ["valid until", notAfter && `${notAfter} (${days(notAfter)})`],
        ["renewed from", renewalDueAt && `${renewalDueAt}${renewalInfo ? ", as the authority suggests" : ""}`],
        ["it says why", renewalInfo?.explanationUrl],
        ["trouble", trouble && `${trouble.name}: ${trouble.message}`],
        ["problem type", trouble?.type],
        ["failing since", trouble?.since],
        ["next attempt", trouble && (nextAttempt ?? "with the next run, within the hour")],
    ];
    const width = Math.max(...lines.map(([head]) => head.length));
    return [
        `${place}: ${outcomes[outcome]} (${reason})`,
        ...lines.flatMap(([head, value]) => (value === undefined ? [] : [`  ${head.padEnd(width)}  ${value}`])),
    ];
}
