import { beforeAll, describe, expect, it, vi } from "vitest";

// What the page of a browser has, and node has not.
beforeAll(() => {
  const store = { getItem: () => null, setItem: () => {} };
  vi.stubGlobal("sessionStorage", store);
  vi.stubGlobal("localStorage", store);
  vi.stubGlobal("location", { hash: "" });
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => {} }));
  vi.stubGlobal("document", { baseURI: "http://localhost/", querySelector: () => null, documentElement: { dataset: {} } });
});

describe("numbers", () => {
  it("have a unit, and digits that tell the ends of a range apart", async () => {
    const { numberIn, roundIn } = await import("../src/quantity/words");
    expect(numberIn(41.26, [30, 60], "dB")).toBe("41.3 dB");
    expect(numberIn(-41.26, [-300, 0], "dB")).toBe("−41 dB");
    expect(numberIn(0.4242, [0, 1])).toBe("0.42");
    expect(numberIn(-0.0004, [-1, 1])).toBe("0.00");
    expect(numberIn(3, [3, 3])).toBe("3.00");
    expect(roundIn(45, "dB")).toBe("45 dB");
    expect(roundIn(-0.30000000000000004)).toBe("−0.3");
  });
});
