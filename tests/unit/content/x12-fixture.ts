/** An interchange of one group of transactions, each a list of segments; counts and control numbers are true. */
export function x12Of(transactions: readonly { readonly set: string; readonly segments: readonly string[] }[]): string {
  const isa =
    "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *240101*1253*^*00501*000000905*0*P*:~";
  const sets = transactions.map(({ set, segments }, index) => {
    const control = String(index + 1).padStart(4, "0");
    return [`ST*${set}*${control}`, ...segments, `SE*${segments.length + 2}*${control}`]
      .map((each) => `${each}~`)
      .join("\n");
  });
  return [
    isa,
    "GS*PO*SENDER*RECEIVER*20240101*1253*1*X*005010~",
    ...sets,
    `GE*${sets.length}*1~`,
    "IEA*1*000000905~",
    "",
  ].join("\n");
}

/** A purchase order, a remittance and a claim, shortened. */
export const ORDER = x12Of([
  {
    set: "850",
    segments: ["BEG*00*SA*4500012345**20240101", "PO1*1*10*EA*9.50**VP:BP*AB-1", "PO1*2*5*EA*20**VP:BP*CD-2", "CTT*2"],
  },
]);
export const REMITTANCE = x12Of([
  { set: "835", segments: ["BPR*I*150.75*C*ACH", "TRN*1*12345*1512345678", "CLP*A1*1*150.75*150.75"] },
]);
export const CLAIM = x12Of([
  {
    set: "837",
    segments: ["BHT*0019*00*244579*20061015*1023*CH", "CLM*26463774*100***11:B:1*Y*A*Y*I", "HI*BK:0340*BF:V7389"],
  },
]);
