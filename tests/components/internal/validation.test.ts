import { InputPropertiesError, output } from "@pulumi/pulumi";
import { expect } from "chai";

import { faults, listFaults, refuse } from "../../../components/internal/validation";

const isEven = (value: number): string | undefined => (value % 2 === 0 ? undefined : `${value} is odd`);

describe("validation", () => {
    it("names the argument and the reason", () => {
        expect(faults("count", 3, isEven)).to.deep.equal([{ propertyPath: "count", reason: "3 is odd" }]);
        expect(faults("count", 4, isEven)).to.deep.equal([]);
        expect(listFaults("counts", [3, 4, 5], isEven)).to.deep.equal([
            { propertyPath: "counts[0]", reason: "3 is odd" },
            { propertyPath: "counts[2]", reason: "5 is odd" },
        ]);
    });

    it("judges nothing that is missing or not known yet", () => {
        const later = [undefined, output(3), Promise.resolve(3)];
        expect(later.flatMap((value) => faults("count", value, isEven))).to.deep.equal([]);
        expect(listFaults("counts", output([3]), isEven)).to.deep.equal([]);
        expect(listFaults("counts", [output(3), 5], isEven)).to.deep.equal([
            { propertyPath: "counts[1]", reason: "5 is odd" },
        ]);
    });

    it("throws all faults as one error", () => {
        const found = [
            { propertyPath: "a", reason: "no" },
            { propertyPath: "b", reason: "never" },
        ];
        expect(() => refuse("Thing", "x", found))
            .to.throw(InputPropertiesError, 'Thing "x" cannot be made: a: no; b: never')
            .with.deep.property("errors", found);
        expect(() => refuse("Thing", "x", [])).not.to.throw();
    });

    it("gives one reason an argument, the first", () => {
        const [first, second] = [1, 2].map((n) => ({ propertyPath: "a", reason: `reason ${n}` }));
        expect(() => refuse("Thing", "x", [first, second])).to.throw('Thing "x" cannot be made: a: reason 1');
    });
});
