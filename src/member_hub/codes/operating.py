"""Codes for whoever runs the hub: settings, policies, the logs and ledgers that must not have been changed."""

from typing import Final

from member_hub.codes.code import Code, Place, Retry

CODES: Final = (
    Code(
        "AUDIT_BEHIND",
        (Place.COMMAND,),
        Retry.LATER,
        "审计记录尚未全部封存。",
        "The audit log is not sealed up to where it has to be.",
        "启动服务，或稍后重试。",
        "Let the hub run, or try again later.",
    ),
    Code(
        "AUDIT_HEAD_BROKEN",
        (Place.COMMAND,),
        Retry.CHANGED,
        "数据库之外保存的审计封存头与写入时不一致。",
        "A line of the audit head outside the database is not one that was written.",
        "从副本恢复，并查明原因。",
        "Restore it from its copy, and find out why.",
    ),
    Code(
        "DEVELOPMENT_ONLY",
        (Place.COMMAND,),
        Retry.NEVER,
        "生产环境没有开发用令牌等功能。",
        "Development tokens and the like do not exist in production.",
        "使用授权服务器签发的令牌。",
        "Use the tokens of your authorisation server.",
    ),
    Code(
        "LEDGER_BROKEN",
        (Place.COMMAND,),
        Retry.CHANGED,
        "删除台账与写入时不一致。",
        "The erasure ledger is not the chain that was written.",
        "从副本恢复台账；此前不执行任何删除。",
        "Restore it from its copy; nothing is erased meanwhile.",
    ),
    Code(
        "MISCONFIGURED",
        (Place.COMMAND,),
        Retry.CHANGED,
        "设置、密钥文件或数据库有误。",
        "A setting, a key file or the database is not as it has to be.",
        "按提示处理；运行 member-hub doctor。",
        "Do what the text says; run member-hub doctor.",
    ),
    Code(
        "POLICY_REFUSED",
        (Place.COMMAND,),
        Retry.CHANGED,
        "策略文件有误，整体不生效；指出文件、行与原因。",
        "A policy file was refused, and nothing of it holds; file, line and reason are named.",
        "改正该行；运行 policy check。",
        "Correct the line; run policy check.",
    ),
)
