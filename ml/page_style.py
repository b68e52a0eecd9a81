"""How pages of ours look: one sheet, light and dark, legible in print.

Stands here because the review report is the innermost page; others add to it.
"""

STYLE = """
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5b6676;--line:#e3e7ed;
--page:#f6f7f9;--card:#fff;--link:#0b5cad;--ok:#14713d;--ok-bg:#e2f4e9;--odd:#8a5200;--odd-bg:#fdf0d5;
--bad:#b3261e;--bad-bg:#fce5e3}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b6;--line:#2c3542;
--page:#12161c;--card:#1a2029;--link:#7db8f5;--ok:#7fd6a2;--ok-bg:#12331f;--odd:#f0c06b;
--odd-bg:#3a2b0c;--bad:#ff9a92;--bad-bg:#451815}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
header,main{max-width:72rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:2.5rem}
h1{font-size:2rem;line-height:1.15;margin:0}
h2{font-size:1.3rem;margin:2.5rem 0 .75rem}
h3{font-size:1.05rem;margin:0;display:flex;gap:.6rem;align-items:center;flex-wrap:wrap}
p{margin:.35rem 0}
.eyebrow{color:var(--soft);font-size:.85rem;margin:0 0 .25rem}
.lead{color:var(--soft);max-width:46rem}
.figures{display:flex;gap:.75rem;flex-wrap:wrap;margin:1.25rem 0}
.figure{background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:.6rem 1.1rem;min-width:7rem}
.figure b{display:block;font-size:1.5rem;line-height:1.2;
font-variant-numeric:tabular-nums}
.figure span{color:var(--soft);font-size:.85rem}
.figure.failed b{color:var(--bad)}.figure.warned b{color:var(--odd)}
a{color:var(--link);text-underline-offset:.15em}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:1.1rem 1.25rem;margin:1.25rem 0;scroll-margin-top:1rem}
section h2{margin-top:0}
.facts{color:var(--soft);font-size:.85rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
main>.scroll{background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:.25rem 1.25rem}
th{text-align:left;color:var(--soft);font-weight:600;font-size:.8rem;white-space:nowrap}
th,td{padding:.5rem .9rem .5rem 0;border-bottom:1px solid var(--line);
vertical-align:top}
tbody tr:last-child td{border-bottom:0}
td p{color:var(--soft);margin:.1rem 0 0;max-width:44rem}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
overflow-wrap:anywhere}
.badge{display:inline-block;border-radius:99px;padding:.05rem .6rem;font-size:.78rem;
font-weight:600;white-space:nowrap}
.passed.badge{color:var(--ok);background:var(--ok-bg)}
.warned.badge{color:var(--odd);background:var(--odd-bg)}
td a{text-decoration:none}
td a:hover{text-decoration:underline}
.failed.badge{color:var(--bad);background:var(--bad-bg)}
details{margin-top:.9rem}
summary{cursor:pointer;font-size:.9rem;margin-bottom:.35rem}
@media(max-width:40rem){header,main{padding-left:1rem;padding-right:1rem}
section{padding:.9rem 1rem}td{min-width:6rem}}
figure{margin:0}
img{max-width:100%;height:auto;border-radius:6px;background:#fff}
figcaption{color:var(--soft);font-size:.85rem}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:1.25rem}
section h3{margin:1.25rem 0 .25rem}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--page:#fff;
--card:#fff}body{font-size:11px}header,main{max-width:none;padding:0}
section{border:0;padding:0}table,figure{break-inside:avoid}
.badge{border:1px solid}}
"""
