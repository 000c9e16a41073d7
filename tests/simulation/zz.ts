import fc from "fast-check";
import { scenarioOf } from "/work/engine/tests/simulation/scenario.ts";
import { simulate } from "/work/engine/tests/simulation/simulation.ts";
const n=Number(process.argv[2]??20), seed=Number(process.argv[3]??1);
const ss = fc.sample(scenarioOf({executions:40,faults:20}), {numRuns:n, seed});
let ex=0, ev=0, cr=0; const st:any={}; const t=performance.now(); const kinds:any={};
for (const [i,s] of ss.entries()) { const r=await simulate(s); ex+=r.executions; ev+=r.events; cr+=r.crashes; for (const [k,v] of Object.entries(r.statuses)) st[k]=(st[k]??0)+v; for (const f of r.faults) { const k=f.replace(/w\d+_\d+/g,"#").replace(/\d+/g,"#").slice(0,200); kinds[k]??={n:0,i,f:f.slice(0,600)}; kinds[k].n++; } }
console.log({ex,ev,cr,st,ms:performance.now()-t}); console.log(Object.entries(kinds).slice(0,25));
