import type { Command } from "commander";

import type { Allowance } from "../aws/permissions/allowances";
import type { RoleReport } from "../aws/permissions/report";
import { reportPath } from "../aws/permissions/report";
import { chosenSystem } from "./chosen";

export function define(command: Command): void {
    command
        .argument("[role]", "only roles whose name holds this", "")
        .option("--json", "as JSON, for programs")
        .action(async (part: string, { json }: { json?: boolean }) => {
            const answer = await fetch(`${chosenSystem(command).gatewayUrl}${reportPath}`);
            const reports = ((await answer.json()) as RoleReport[]).filter(({ role }) => role.includes(part));
            console.log(json ? JSON.stringify(reports, undefined, 4) : reports.map(roleLines).join("\n\n"));
        });
}

/** A role's report as text. */
export function roleLines({ role, allowed, used, surplus, missing }: RoleReport): string {
    const isSurplus = ({ action, resource }: Allowance) =>
        surplus.some((one) => one.action === action && one.resource === resource);
    return [
        role,
        ...used.map(({ action, resource, count }) => `  used     ${action} on ${resource}, ${times(count)}`),
        ...allowed.map((one) => `  ${isSurplus(one) ? "surplus" : "allowed"}  ${one.action} on ${one.resource}`),
        ...missing.map(({ action, resource, count }) => `  missing  ${action} on ${resource}, ${times(count)}`),
    ].join("\n");
}

function times(count: number): string {
    return count === 1 ? "once" : `${count} times`;
}
