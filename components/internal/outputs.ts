import * as pulumi from "@pulumi/pulumi";

/**
 * What a component registers at the end of its constructor: its members that are outputs. Each is declared once, as a member, from which
 * Pulumi makes the package's schema as well. (No base class does this, since Pulumi looks for components one class deep only.)
 */
export function outputsOf(component: pulumi.ComponentResource): Record<string, unknown> {
    return Object.fromEntries(
        Object.entries(component).filter(([name, value]) => name !== "urn" && pulumi.Output.isInstance(value)),
    );
}
