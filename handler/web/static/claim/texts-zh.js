// What the page of a code says, in Chinese. See core/texts-zh.js.

export default {
  "claim.name": "送你一个红包封面",
  "claim.slogan": "领取红包封面。",
  "claim.lead": "用于你发出的红包，轻点一下即可领取。",
  "claim.used": "这个码已被使用。如果是你本人，可再次查看。",
  "claim.go": "领取",
  "claim.claimed": "领取成功",
  "claim.claimed_text": "发红包时即可选用。",
  "claim.already_held": "你已拥有",
  "claim.already_held_text": "发红包时即可选用。",
  "claim.sold_out": "已领完",
  "claim.sold_out_text": "最后一个也被领走了。",
  "claim.quota_spent": "该渠道已领完",
  "claim.quota_spent_text": "也许其他地方还有。",
  "claim.not_started": "尚未开始",
  "claim.not_started_text": "请稍后再来。",
  "claim.ended": "已结束",
  "claim.ended_text": "这里已停止发放。",
  "claim.until": "有效期至 {time}。",
  "claim.home": "去发红包",
};
