// The policy pack: `pulumi preview --policy-pack policy` (docs/policy.md).
import { PolicyPack } from "@pulumi/policy";

import { policies } from "./policies";

new PolicyPack("taskgate", { policies: [...policies], enforcementLevel: "mandatory" });
